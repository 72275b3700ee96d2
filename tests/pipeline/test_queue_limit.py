"""The queue has an end, from whatever side a run comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from effq_core.cli.app import app
from effq_core.errors import BusyError
from effq_core.experiment import Experiment
from effq_core.pipeline import control
from effq_core.pipeline.control import MOST_QUEUED, enter, resume
from effq_core.settings import Home
from effq_core.store.database import Database
from effq_core.store.rows import Status


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("EFFQ_HOME", str(tmp_path / "home"))
    return Home.from_environment()


def test_many_who_come_at_once_fill_the_queue_exactly(home: Home) -> None:
    Database(home.database).close()

    def come(seed: int) -> bool:
        database = Database(home.database)
        try:
            return bool(enter(home, database, Experiment(seed=seed), "one of many"))
        except BusyError as error:
            assert f"{MOST_QUEUED} runs are running or waiting" in error.message
            return False
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        entered = list(pool.map(come, range(MOST_QUEUED + 6)))
    assert sum(entered) == MOST_QUEUED


def test_the_command_line_and_a_resumed_run_find_the_same_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_QUEUED", 2)
    database = Database(home.database)
    old = enter(home, database, Experiment(seed=1))
    database.set_status(old, Status.CANCELLED)
    for seed in (2, 3):
        waiting = enter(home, database, Experiment(seed=seed))

    answer = CliRunner().invoke(app, ["run", "--detach", "--seed", "4"])
    assert answer.exit_code != 0
    with pytest.raises(BusyError, match="2 runs are running or waiting"):
        resume(home, old)
    assert database.get_run(old).status is Status.CANCELLED
    assert len(database.list_runs()) == 3  # nothing was made for who was refused

    database.set_status(waiting, Status.CANCELLED)
    assert enter(home, database, Experiment(seed=5))
    database.close()
