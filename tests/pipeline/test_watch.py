"""A run as somebody watches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import InputError
from effq_core.experiment import Experiment
from effq_core.jobs.process import Process
from effq_core.pipeline.watch import watch
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState, Status


@pytest.fixture
def database(tmp_path: Path) -> Any:
    database = Database(tmp_path / "effq.sqlite3")
    yield database
    database.close()


def _stage(run_id: str, position: int, state: StageState, **values: Any) -> StageRow:
    return StageRow(
        run_id=run_id,
        name=f"s{position}",
        kind="k",
        fingerprint="f" * 64,
        position=position,
        state=state,
        **values,
    )


def test_a_queued_run_has_no_stages_and_no_estimate(database: Database) -> None:
    seen = watch(database, database.create_run(Experiment()))
    assert seen.run.status is Status.QUEUED
    assert seen.stages == ()
    assert (seen.share, seen.remaining, seen.elapsed) == (0.0, None, None)


def test_progress_counts_stages_by_the_time_they_take(database: Database) -> None:
    run_id = database.create_run(Experiment())
    database.set_status(run_id, Status.RUNNING, started=1000.0)
    database.upsert_stages(
        [
            _stage(run_id, 0, StageState.REUSED, weight=30.0),
            _stage(run_id, 1, StageState.RUNNING, weight=60.0, done=1, total=2, started=1000.0),
            _stage(run_id, 2, StageState.PENDING, weight=10.0),
        ]
    )
    seen = watch(database, run_id, now=1030.0)
    assert seen.share == pytest.approx(0.6)
    assert (seen.complete, seen.cached) == (1, 1)
    assert [stage.name for stage in seen.running] == ["s1"]
    assert seen.elapsed == 30
    assert seen.remaining is not None and 30 < seen.remaining < 60


def test_the_curve_has_each_epoch_once_also_after_a_resume(database: Database) -> None:
    run_id = database.create_run(Experiment())
    for epoch, loss in ((0, None), (1, 2.0), (1, 1.5), (2, 1.0)):
        database.add_event(
            run_id,
            "epoch",
            "finetune:int8_qat",
            epoch=epoch,
            loss=loss,
            validation_loss=1.0,
            validation_top1=0.5,
            n=10,
        )
    seen = watch(database, run_id)
    assert [e["loss"] for e in seen.curves["int8_qat"]] == [None, 1.5, 1.0]
    assert seen.lines[0].text.startswith("Before training")


def test_trouble_is_marked_in_the_log(database: Database) -> None:
    run_id = database.create_run(Experiment())
    database.add_event(run_id, "skipped", "index", key="a.jpg", reason="a.jpg is broken")
    (line,) = watch(database, run_id).lines
    assert line.is_trouble
    assert "a.jpg is broken" in line.text


def test_a_run_that_is_not_there_is_an_input_error(database: Database) -> None:
    with pytest.raises(InputError):
        watch(database, "20260101-000000-abcd")


def test_a_queued_run_says_its_place_and_whom_it_waits_for(database: Database) -> None:
    ids = []
    for number in range(4):
        run_id = database.create_run(Experiment(), "mine" if number == 0 else "")
        database.set_driver(run_id, Process.own())
        ids.append(run_id)
    ids.sort()
    assert watch(database, ids[0]).waiting_for == "", "nobody is ahead"
    assert watch(database, ids[1]).waiting_for.startswith("2nd in the queue: waiting for run ")
    assert ids[0] in watch(database, ids[1]).waiting_for

    named = next(run for run in ids if database.get_run(run).name == "mine")
    database.set_status(named, Status.RUNNING)
    others = [run for run in ids if run != named]
    for place, run_id in zip(("1st", "2nd", "3rd"), others, strict=True):
        text = f"{place} in the queue: waiting for run {named} “mine” to finish"
        assert watch(database, run_id).waiting_for == text
    assert watch(database, named).waiting_for == ""

    database.set_status(named, Status.FINISHED)
    assert watch(database, others[0]).waiting_for == ""


def test_a_cluster_of_ones_own_has_no_queue(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(database.create_run(Experiment()) for _ in range(2))
    for run_id in ids:
        database.set_driver(run_id, Process.own())
    assert "in the queue" in watch(database, ids[1]).waiting_for
    monkeypatch.setenv("EFFQ_SCHEDULER", "tcp://127.0.0.1:1")
    assert watch(database, ids[1]).waiting_for == ""


def test_a_stage_says_what_it_waits_for_while_nothing_runs(database: Database) -> None:
    run_id = database.create_run(Experiment())
    database.set_status(run_id, Status.RUNNING, started=1.0)
    stage = _stage(run_id, 0, StageState.PENDING, detail="waiting for a timing run to finish")
    database.upsert_stages([stage])
    assert watch(database, run_id).waiting_for == "waiting for a timing run to finish"
    database.upsert_stages([_stage(run_id, 1, StageState.RUNNING, started=1.0)])
    assert watch(database, run_id).waiting_for == ""
