"""A store of its own for each test, and the end of every engine it started."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.pipeline import driver, engine

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from pipeline_runs import Runs  # noqa: E402 - needs the path above


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    root = tmp_path / "home"
    root.mkdir()
    monkeypatch.setenv("EFFQ_HOME", str(root))
    # The host's locks are in the temporary folder: a measurement of somebody's real run must
    # neither hold up tests nor be held up by them.
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("EFFQ_ENGINE_IDLE", "60")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.delenv("EFFQ_SCHEDULER", raising=False)
    monkeypatch.delenv("EFFQ_ENGINE_PORT", raising=False)
    yield Home(root)
    engine.stop(Home(root))


@pytest.fixture
def runs(home: Home) -> Iterator[Runs]:
    made = Runs(home)
    yield made
    # First the drivers: one that loses its engine starts another.
    for run in made.database.list_runs():
        if run.status.is_active:
            driver.request_cancel(home, run.id)
            made.ended(run.id)
    made.database.close()
