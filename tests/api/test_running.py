"""Running from a notebook: progress, errors, and stopping."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from effq_core import Experiment, Progress, errors, open_run, run
from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, Status
from tests.conftest import TINY, TinyRun


def only_run(home: Home) -> RunRow:
    database = Database(home.database)
    try:
        (row,) = database.list_runs()
    finally:
        database.close()
    return row


def test_a_function_is_told_how_far_it_is(tiny_home: Home, tiny_run: TinyRun) -> None:
    told: list[Progress] = []
    made = run(TINY, name="again", progress=told.append)
    assert told[-1].share == 1
    assert all(0 <= each.share <= 1 and each.text for each in told)
    assert made.id != tiny_run.run.id
    assert made.experiment == TINY
    assert list(made.table.index) == list(tiny_run.results.variants)
    assert open_run("again") == open_run() == made


def test_it_runs_where_a_loop_is_running_as_in_jupyter(tiny_home: Home) -> None:
    async def cell() -> str:
        return run(TINY, progress=False).id

    # In a thread: a browser that an earlier test has started keeps a loop in this one.
    with ThreadPoolExecutor(1) as threads:
        made = threads.submit(asyncio.run, cell()).result()
    assert open_run(made).recommended == open_run("tiny").recommended


def test_a_bar_is_drawn_unless_it_is_not_wanted(
    tiny_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in (False, True):
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        run(TINY, progress=wanted)
        last = sys.stderr.getvalue().rstrip("\n").rpartition("\r")[2]
        assert last == ("100%|##########| Finished" if wanted else "")


def test_what_cannot_be_run_is_refused_and_leaves_no_run(home: Home) -> None:
    with pytest.raises(errors.ModelError, match="no model"):
        run(Experiment(model="own:gone"))
    with pytest.raises(errors.DatasetError):
        run(Experiment(dataset="folder:/nowhere"))
    assert not Database(home.database).list_runs()


def test_a_run_that_fails_raises_what_it_says(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFQ_SCHEDULER", "nonsense")
    with pytest.raises(errors.StageError) as caught:
        run(TINY, progress=False)
    row = only_run(home)
    assert row.status is Status.FAILED
    assert (caught.value.message, caught.value.hint) == (row.error, row.hint)


def test_an_error_of_the_function_cancels_the_run_and_is_raised(home: Home) -> None:
    def tell(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(TINY, progress=tell)
    assert only_run(home).status is Status.CANCELLED


def test_an_interrupt_cancels_the_run(home: Home) -> None:
    def tell(progress: Progress) -> None:
        if not interrupted:
            interrupted.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    interrupted: list[Progress] = []
    with pytest.raises(errors.Cancelled, match="continues from there"):
        run(TINY, progress=tell)
    assert only_run(home).status is Status.CANCELLED


def test_latencies_are_taken_anew_where_that_is_wanted(tiny_home: Home) -> None:
    from effq_core.api.running import begin

    run_id = begin(tiny_home, TINY, remeasure=True, time_now=True)
    row = Database(tiny_home.database).get_run(run_id)
    assert (row.status, row.experiment["sitting"]) == (Status.QUEUED, 1)
    assert (tiny_home.runs / run_id / "time_now").exists()
    told = begin(tiny_home, TINY)
    assert Database(tiny_home.database).get_run(told).experiment == TINY.to_dict()
    assert not (tiny_home.runs / told / "time_now").exists()
