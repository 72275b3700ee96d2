"""A store with the tiny run in it that a test may change, and a way to call ``effq``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from effq_core.base.settings import Home
from effq_core.cli.app import app
from effq_core.pipeline import engine

Effq = Callable[..., Any]


@pytest.fixture
def effq() -> Effq:
    def call(*arguments: object, input: str | None = None) -> Any:
        return CliRunner().invoke(app, [str(each) for each in arguments], input=input)

    return call


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty store, with locks of its own."""
    made = Home(tmp_path / "home")
    made.root.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("EFFQ_HOME", str(made.root))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("EFFQ_ENGINE_IDLE", "60")
    for name in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield made
    engine.stop(made)


@pytest.fixture
def tiny_home(home: Home, tiny_run) -> Home:
    """A store whose index is a copy and whose artifacts are the tiny run's own."""
    for path in tiny_run.home.root.glob("effq.sqlite3*"):
        shutil.copyfile(path, home.root / path.name)
    shutil.copytree(tiny_run.home.runs, home.runs)
    home.artifacts.symlink_to(tiny_run.home.artifacts)
    return home
