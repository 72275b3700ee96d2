"""The queue has an end, from whatever side a run comes."""

from __future__ import annotations

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from typer.testing import CliRunner

from effq_core.base.errors import BusyError, InputError
from effq_core.base.settings import Home
from effq_core.cli.app import app
from effq_core.experiment import Experiment
from effq_core.jobs.process import process_token
from effq_core.pipeline import control
from effq_core.pipeline.control import MOST_QUEUED, enter, prepare_again, resume
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


def test_many_who_resume_at_once_fill_the_queue_exactly(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_QUEUED", 3)
    database = Database(home.database)
    ended = []
    for seed in range(12):
        run_id = database.create_run(Experiment(seed=seed))
        ended.append(database.set_status(run_id, Status.CANCELLED))
    start = Barrier(len(ended) + 1)
    # While somebody writes, all of them can look at the queue and none can change it.
    writer = sqlite3.connect(home.database, isolation_level=None)

    def come(number: int) -> bool:
        mine = Database(home.database)
        start.wait()
        try:
            return prepare_again(mine, home, ended[number]).status is Status.QUEUED
        except BusyError:
            return False
        finally:
            mine.close()

    with ThreadPoolExecutor(len(ended)) as pool:
        queued = pool.map(come, range(len(ended)))
        writer.execute("BEGIN IMMEDIATE")
        start.wait()
        time.sleep(0.3)
        writer.execute("ROLLBACK")
        assert sum(queued) == 3
    writer.close()
    database.close()


def test_who_comes_second_does_not_take_a_run_from_its_driver(home: Home) -> None:
    database = Database(home.database)
    seen = database.set_status(database.create_run(Experiment()), Status.CANCELLED)
    working = database.set_status(
        seen.id, Status.RUNNING, driver_pid=os.getpid(), driver_started=process_token(os.getpid())
    )
    flag = home.runs / seen.id / "cancel"
    flag.touch()

    with pytest.raises(InputError, match="is running already"):
        prepare_again(database, home, seen)
    with pytest.raises(InputError, match="is running already"):
        resume(home, seen.id)
    assert database.change_status(seen, Status.QUEUED, driver_pid=None) == (working, False)
    assert database.get_run(seen.id) == working
    assert flag.exists()
    database.close()


def test_an_old_run_that_was_resumed_takes_a_place(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_QUEUED", 1)
    database = Database(home.database)
    old = enter(home, database, Experiment())
    run = database.get_run(old)
    for number in range(1001):
        later = replace(
            run, id=f"29990101-000000-{number:04x}", status=Status.FINISHED, created=run.created + 1
        )
        assert database.insert_run(later)
    with pytest.raises(BusyError):
        enter(home, database, Experiment(seed=2))
    database.close()
