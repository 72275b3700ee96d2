"""The container: what it copies is there, nobody in it is root, and it asks the right address."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from typer.testing import CliRunner

from effq_core.base.settings import _HOME
from effq_core.cli.app import app

ROOT = Path(__file__).parents[1]
INSTRUCTIONS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in re.sub(
        r"\\\n", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.M)
    ).splitlines()
    if line
]


def given(instruction: str) -> list[str]:
    return [text for name, text in INSTRUCTIONS if name == instruction]


def sources() -> list[str]:
    return [each for text in given("COPY") for each in shlex.split(text)[:-1]]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert rules[1] == "*"
    for source in sources():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in rules, source


def test_all_a_wheel_is_built_from_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = {
        *project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"],
        *project["project"]["license-files"],
        project["project"]["readme"],
    }
    assert named | {"setup.py", "effq_core", "pages", "assets", ".streamlit"} < set(sources())


def test_it_is_served_by_a_user_who_may_write_to_the_store_alone() -> None:
    names = [name for name, _ in INSTRUCTIONS]
    (user,) = given("USER")
    assert user != "0" and user.isdigit()
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")
    (volume,) = given("VOLUME")
    assert f"{_HOME}={volume}" in given("ENV")
    assert any(f"--owner effq --group effq {volume}" in text for text in given("RUN"))
    assert any(f"useradd --uid {user}" in text for text in given("RUN"))


def test_the_command_can_be_typed_and_its_port_is_the_one_that_is_asked() -> None:
    (command,) = (json.loads(text) for text in given("CMD"))
    assert command[:2] == ["effq", "studio"]
    options = {each for each in command if each.startswith("--")}
    told = CliRunner().invoke(app, ["studio", "--help"], env={"COLUMNS": "200"}).output
    assert all(option in told for option in options)
    (port,) = given("EXPOSE")
    assert command[command.index("--port") + 1] == port
    (check,) = given("HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/_stcore/health" in check


def test_python_is_one_that_the_package_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.12"
    assert all(fnmatch(image.split()[0], "python:3.11-*") for image in given("FROM"))
