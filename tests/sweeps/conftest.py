"""A store of its own for each test, and the small stages of the pipeline's tests."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.pipeline import engine
from effq_core.store.database import Database

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    root = tmp_path / "home"
    root.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("EFFQ_HOME", str(root))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("EFFQ_ENGINE_IDLE", "60")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    for name in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT"):
        monkeypatch.delenv(name, raising=False)
    yield Home(root)
    engine.stop(Home(root))


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    made = Database(home.database)
    yield made
    made.close()
