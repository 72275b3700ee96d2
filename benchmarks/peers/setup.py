"""Makes the environment the other tools run in: `python -m benchmarks.peers.setup DIR`.

Their requirements are no business of EffQ's, and some would clash with its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")


def python_of(folder: Path) -> Path:
    """Returns the interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def main() -> int:
    """Creates the environment and installs the pinned versions."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.setup", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to; about 3 GB")
    folder = parser.parse_args().folder.absolute()
    venv.create(folder, with_pip=True)
    command = [str(python_of(folder)), "-m", "pip", "install", "--requirement", str(REQUIREMENTS)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
