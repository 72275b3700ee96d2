from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.base import errors
from effq_core.base.errors import InputError, StoreError
from effq_core.base.run_ids import new_run_id, validate_run_id
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.process import Process
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.repair import rebuild
from effq_core.store.rows import StageRow, StageState, Status


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def database(home: Home) -> Database:
    return Database(home.database)


def test_all_runs_are_listed_unless_a_limit_is_given(database: Database) -> None:
    run = database.get_run(database.create_run(Experiment()))
    for number in range(1001):
        old = replace(run, id=f"20200101-000000-{number:04x}", created=float(number))
        assert database.insert_run(old)
    assert len(database.list_runs()) == 1002
    latest = database.list_runs(3)
    assert len(latest) == 3
    assert latest == database.list_runs()[:3]


def test_a_run_is_kept_with_its_experiment(database: Database) -> None:
    experiment = Experiment(seed=7)
    run_id = database.create_run(experiment, "first")
    run = database.get_run(run_id)
    assert Experiment.from_dict(run.experiment) == experiment
    assert (run.name, run.status, run.fingerprint) == (
        "first",
        Status.QUEUED,
        experiment.fingerprint(),
    )
    run = database.set_status(run_id, Status.FAILED, error="e", hint="h", finished=3.0)
    assert database.list_runs() == [run]
    assert (run.error, run.hint, run.finished) == ("e", "h", 3.0)
    database.delete_run(run_id)
    assert database.list_runs() == []
    with pytest.raises(InputError):
        database.get_run(run_id)


def test_ids_sort_by_time_and_hostile_ones_are_refused() -> None:
    assert new_run_id(1_000_000_000.0) < new_run_id(1_000_000_001.0)
    assert validate_run_id(new_run_id()) != ""
    for hostile in ("", "../etc", "20260101-000000-ab12/..", "20260101-000000-ab12\n", "x" * 999):
        with pytest.raises(InputError):
            validate_run_id(hostile)


def test_stages_and_events_come_back_in_order(database: Database) -> None:
    run_id = database.create_run(Experiment())
    rows = [
        StageRow(run_id=run_id, name=name, kind="k", fingerprint="f", position=position)
        for position, name in enumerate(["z", "a"])
    ]
    database.upsert_stages(rows)
    row = StageRow(
        run_id=run_id, name="z", kind="k", fingerprint="f", state=StageState.DONE, done=3
    )
    database.upsert_stages([row])
    assert [(row.name, row.state, row.done) for row in database.stages(run_id)] == [
        ("z", "done", 3),
        ("a", "pending", 0),
    ]
    for epoch in range(3):
        database.add_event(run_id, "epoch", "z", epoch=epoch, kind="a value may have any name")
    later = database.events_after(run_id, 1)
    assert [(row.seq, row.kind, row.stage, row.values["epoch"]) for row in later] == [
        (2, "epoch", "z", 1),
        (3, "epoch", "z", 2),
    ]


def test_threads_and_connections_write_at_once(home: Home, database: Database) -> None:
    run_id = database.create_run(Experiment())
    others = [Database(home.database) for _ in range(3)]

    def write(each: Database) -> None:
        for _ in range(30):
            each.add_event(run_id, "tick")

    threads = [threading.Thread(target=write, args=(each,)) for each in [database, *others] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.seq for row in database.events_after(run_id)] == list(range(1, 241))


def test_a_run_whose_driver_died_is_interrupted(database: Database) -> None:
    run_id = database.create_run(Experiment())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    database.set_driver(run_id, Process.of(process.pid))
    database.set_status(run_id, Status.RUNNING)
    row = StageRow(run_id=run_id, name="a", kind="k", fingerprint="f", state=StageState.RUNNING)
    database.upsert_stages([row])
    assert database.get_run(run_id).status == Status.RUNNING
    with pytest.raises(InputError, match="running"):
        database.delete_run(run_id)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie is dead too
    assert database.get_run(run_id).status == Status.INTERRUPTED
    assert database.stages(run_id)[0].state == StageState.PENDING
    process.communicate()


def test_the_same_number_with_another_start_is_another_process(database: Database) -> None:
    run_id = database.create_run(Experiment())
    database.set_status(run_id, Status.RUNNING, driver_pid=os.getpid(), driver_started="earlier")
    assert database.get_run(run_id).status == Status.INTERRUPTED


def fill(home: Home) -> tuple[str, str]:
    database, store = Database(home.database), ArtifactStore(home)
    finished = database.create_run(Experiment(seed=1))
    with store.create("report", "ab" * 32, {"params": {}}) as draft:
        draft.summary = {"experiment": Experiment(seed=1).to_dict()}
        (draft.path / "results.json").write_text("{}")
    database.set_status(finished, Status.FINISHED, results="ab" * 32)
    running = database.create_run(Experiment(seed=2))
    database.close()
    return finished, running


@pytest.mark.parametrize("damage", ["overwritten", "truncated", "text"])
def test_a_damaged_database_is_named_and_rebuilt(home: Home, damage: str) -> None:
    finished, running = fill(home)
    if damage == "overwritten":
        content = home.database.read_bytes()
        home.database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    elif damage == "truncated":
        os.truncate(home.database, 5000)
    else:
        home.database.write_text("this is not a database, but it is long enough to be read as one")
    with pytest.raises(StoreError, match=r"effq\.sqlite3") as caught:
        damaged = Database(home.database)
        damaged.list_runs()
    assert "effq doctor --repair" in caught.value.hint
    repair = rebuild(home.database, ArtifactStore(home))
    assert repair.moved is not None
    assert repair.moved.exists()
    assert (repair.runs, repair.artifacts) == (2, 1)
    database = Database(home.database)
    assert database.get_run(finished).status == Status.FINISHED
    assert database.get_run(finished).results == "ab" * 32
    assert database.get_run(running).status == Status.INTERRUPTED
    assert rebuild(home.database, ArtifactStore(home)).runs == 0


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_lost_database_comes_back_by_itself(home: Home, how: str) -> None:
    fill(home)
    for side in ("-wal", "-shm"):
        home.database.with_name(home.database.name + side).unlink(missing_ok=True)
    home.database.unlink()
    if how == "emptied":
        home.database.touch()
    assert len(Database(home.database).list_runs()) == 2


def test_a_run_without_a_file_is_recovered_from_its_report(home: Home) -> None:
    finished, running = fill(home)
    for run_id in (finished, running):
        (home.runs / run_id / "run.json").unlink()
    home.database.unlink()
    assert rebuild(home.database, ArtifactStore(home)).runs == 1
    (run,) = Database(home.database).list_runs()
    assert Experiment.from_dict(run.experiment).seed == 1
    assert (run.status, run.results) == (Status.FINISHED, "ab" * 32)
    assert rebuild(home.database, ArtifactStore(home)).runs == 0


def test_repair_sets_aside_what_does_not_match_its_hash(home: Home) -> None:
    fill(home)
    (home.artifacts / "report" / ("ab" * 32) / "results.json").write_text("[]")
    checkpoints = home.scratch / "report" / ("ab" * 32)
    checkpoints.mkdir(parents=True)
    repair = rebuild(home.database, ArtifactStore(home))
    assert checkpoints.exists(), "a stage that is not finished resumes from it"
    assert (repair.moved, repair.artifacts) == (None, 0)
    (sentence,) = repair.quarantined
    assert "hash" in sentence


def test_repair_removes_checkpoints_of_finished_stages(home: Home) -> None:
    fill(home)
    checkpoints = home.scratch / "report" / ("ab" * 32)
    checkpoints.mkdir(parents=True)
    assert rebuild(home.database, ArtifactStore(home)).swept == 1
    assert not checkpoints.exists()


def test_an_event_of_a_deleted_run_is_said(database: Database) -> None:
    with pytest.raises(StoreError, match="no such run"):
        database.add_event("20260101-000000-ab12", "epoch")


def test_a_newer_schema_is_refused(home: Home) -> None:
    Database(home.database).close()
    with sqlite3.connect(home.database) as sql:
        sql.execute("PRAGMA user_version=99")
    sql.close()
    with pytest.raises(StoreError, match="newer"):
        Database(home.database)


def test_a_repair_moves_no_index_that_is_only_too_new(tmp_path: Path) -> None:
    home = Home(tmp_path / "damaged-disk")
    Database(home.database).close()
    with sqlite3.connect(home.database) as sql:
        sql.execute("PRAGMA user_version=99")
    sql.close()
    with pytest.raises(StoreError, match="newer"):
        rebuild(home.database, ArtifactStore(home))
    assert [path.name for path in home.root.glob("effq.sqlite3*")] == ["effq.sqlite3"]


def test_damage_is_told_by_its_class_also_across_processes(home: Home) -> None:
    home.root.mkdir()
    home.database.write_bytes(b"no database" * 999)
    with pytest.raises(errors.DamagedIndexError):
        Database(home.database)
    assert issubclass(errors.DamagedIndexError, StoreError)


def test_a_database_below_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Database(tmp_path / "file" / "effq.sqlite3")
    assert caught.value.hint
