"""The wheel: what is in it, and that it works where the repository is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from effq_core import __version__
from effq_core.pipeline.presets import demo
from tests.browser.app import App, free_port, settle

ROOT = Path(__file__).parents[1]
PARTS = ("effq_core", "pages", "assets", ".streamlit")
STUDIO = "effq_core/_studio"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: building leaves folders beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, source / part, ignore=leave)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, source / path.name)
    made = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    _pip("wheel", str(source), *offline, "--wheel-dir", str(made))
    (path,) = made.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    _pip("install", str(wheel), "--no-deps", "--no-index", "--quiet", "--target", str(folder))
    return folder


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def effq(installed: Path, cwd: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(installed / "bin" / "effq"), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed), "EFFQ_HOME": str(cwd / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_holds_core_pages_assets_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    def files(top: str, *patterns: str) -> set[str]:
        return {
            str(path.relative_to(ROOT))
            for pattern in patterns
            for path in (ROOT / top).glob(pattern)
            if path.is_file() and path.parent.name != "__pycache__"
        }

    core = files("effq_core", "**/*")
    beside = {
        "streamlit_app.py",
        ".streamlit/config.toml",
        *files("pages", "**/*.py"),
        *files("assets", "*.*", "weights/*", "reference_run/**/*"),
    }
    assert names == core | {f"{STUDIO}/{name}" for name in beside}


def test_its_requirements_are_those_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert metadata.get_all("Requires-Dist") == wanted
    assert metadata["Version"] == __version__


def test_a_development_environment_has_what_builds_it() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]
    names = {line.split(">=")[0] for line in build["requires"]}
    development = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    assert names <= {line.split("==")[0] for line in development}


def test_the_command_line_works_from_any_folder(installed: Path, tmp_path: Path) -> None:
    assert effq(installed, tmp_path, "--version") == f"effq {__version__}\n"
    assert "EfficientNetV2-B0" in effq(installed, tmp_path, "show", "reference")
    # Photos, weights and plan are found.
    told = effq(installed, tmp_path, "run", "--dry-run", "--json")
    assert all(variant in told for variant in demo().variants)


class Studio(App):
    """The dashboard as ``effq studio`` of an installed wheel serves it."""

    def command(self) -> list[str]:
        return [
            str(Path(self.environment["PYTHONPATH"]) / "bin" / "effq"),
            *("studio", "--port", str(self.port), "--address", "127.0.0.1"),
            *("--home", str(self.home), "--no-browser"),
        ]


@pytest.fixture(scope="module")
def studio(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("studio") / "home"
    home.mkdir()
    app = Studio(home, free_port(), cwd=home, PYTHONPATH=str(installed), EFFQ_HOME="/nowhere")
    yield app
    app.stop()


def test_the_dashboard_draws_pages_in_its_theme_without_tensorflow(
    studio: Studio, browser: Any
) -> None:
    page = browser.new_page(color_scheme="light")
    page.goto(studio.url)
    settle(page)
    page.locator(".js-plotly-plot").first.wait_for()
    assert not page.get_by_test_id("stException").count()
    assert page.get_by_test_id("stHeaderLogo").is_visible()
    primary = page.get_by_test_id("stBaseButton-primary").first
    colour = primary.evaluate("button => getComputedStyle(button).backgroundColor")
    page.close()
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"]["light"]
    assert colour == "rgb({}, {}, {})".format(*bytes.fromhex(theme["primaryColor"][1:]))
    # The process that was started is the server itself.
    maps = Path(f"/proc/{studio.process.pid}/maps").read_text()
    assert "pandas" in maps
    assert "tensorflow" not in maps
