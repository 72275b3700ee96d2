"""Puts what lies beside ``effq_core`` into the wheel; everything else is in ``pyproject.toml``.

Streamlit needs the dashboard at the top of the repository. An installed package must not have
folders such as ``pages`` there, so in a wheel they are in ``effq_core/_studio``.
"""

from setuptools import find_packages, setup

setup(
    script_name="setup.py",  # this file is no module of a package, though it lies in one
    packages=[*find_packages(include=["effq_core*"]), "effq_core._studio"],
    package_dir={"effq_core._studio": "."},
    package_data={
        "effq_core": ["**/*.toml", "*.pyi", "py.typed"],
        "effq_core._studio": [
            "pages/**/*.py",
            ".streamlit/config.toml",
            "assets/*.*",
            "assets/weights/*",
            "assets/reference_run/**/*",
        ],
    },
)
