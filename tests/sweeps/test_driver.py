"""Sweeps of small stages on a real engine: what is shared is made once, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sweep_stages import BAD_SIZE, PLAN, SLOW_SIZE, worked

from effq_core.base.errors import StageError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.files import JobFiles
from effq_core.pipeline import control
from effq_core.pipeline.driver import run_foreground
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageState, Status
from effq_core.sweeps.driver import sweep_foreground
from effq_core.sweeps.state import (
    create_sweep,
    find_same,
    list_sweeps,
    member_runs,
    read_sweep,
    save,
)
from effq_core.sweeps.sweep import Sweep

METHODS = ("min_max", "percentile")


def a_sweep(*sizes: int, seeds: tuple[int, ...] = (1, 2)) -> Sweep:
    return Sweep(base=Experiment(), calibration_sizes=sizes, methods=METHODS, seeds=seeds)


def until(database: Database, run_id: str, mark: str, home: Home, count: int = 1) -> None:
    deadline = time.monotonic() + 30
    while len(list((home.root / "marks").glob(f"{mark}-*"))) < count:
        assert time.monotonic() < deadline, database.stages(run_id)
        time.sleep(0.05)


def ended(database: Database, run_id: str) -> RunRow:
    deadline = time.monotonic() + 30
    while (run := database.get_run(run_id)).status.is_active:
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def test_stages_that_runs_share_are_made_once(home: Home, database: Database) -> None:
    sweep = create_sweep(home, database, a_sweep(20, 50), "mine")
    run = sweep_foreground(home, sweep.id, plan=PLAN)

    assert run.status is Status.FINISHED, run.error
    assert worked(home.root) == {
        "index": 1,
        "model": 1,
        "pixels": 2,  # a seed each
        "calibrate": 4,  # size × seed; the method comes after it
        "convert": 8,
        "evaluate": 8,
        "benchmark": 8,
        "report": 8,
    }
    assert len(database.stages(sweep.id)) == 40, "8 runs of 8 stages are 64 one by one"
    state = read_sweep(home, sweep.id)
    members = state.sweep.members()
    assert sorted(state.runs) == list(range(8)) and not state.failed
    assert member_runs(home) == set(state.runs.values())
    for place, run_id in state.runs.items():
        made = database.get_run(run_id)
        assert made.status is Status.FINISHED and made.results is not None
        assert made.experiment == members[place].experiment.to_dict()
        assert made.name == f"mine · {members[place].label}"
        stages = database.stages(run_id)
        assert [stage.name for stage in stages][:3] == ["index", "model", "pixels"]
        assert all(stage.state.is_complete for stage in stages)
    done = [
        stage.fingerprint
        for run_id in state.runs.values()
        for stage in database.stages(run_id)
        if stage.state is StageState.DONE
    ]
    assert len(done) == len(set(done)) == 40, "each was made by one run and reused by the others"

    # The same asked again finds it; running it again makes nothing.
    same = find_same(home, database, a_sweep(50, 20))
    assert same is not None and same.id == sweep.id
    assert sweep_foreground(home, sweep.id, plan=PLAN).status is Status.FINISHED
    assert sum(worked(home.root).values()) == 40
    assert read_sweep(home, sweep.id).runs == state.runs
    assert [row.id for row, _ in list_sweeps(home, database)] == [sweep.id]


def test_a_run_that_fails_leaves_the_others_alone(home: Home, database: Database) -> None:
    sweep = create_sweep(home, database, a_sweep(20, BAD_SIZE))
    run = sweep_foreground(home, sweep.id, plan=PLAN)

    assert run.status is Status.FAILED
    assert run.error.startswith("4 of 8 runs of the sweep failed. There are no such photos.")
    state = read_sweep(home, sweep.id)
    assert len(state.runs) == len(state.failed) == 4
    assert {m[0] for m in state.failed.values()} == {"There are no such photos."}
    assert worked(home.root)["report"] == 4
    states = {stage.name: stage.state for stage in database.stages(sweep.id)}
    assert StageState.PENDING not in states.values()


def test_a_cancelled_sweep_keeps_what_is_finished_and_resumes(
    home: Home, database: Database
) -> None:
    sweep = create_sweep(home, database, a_sweep(20, SLOW_SIZE, seeds=(1,)))
    control.start_detached(home, sweep.id, PLAN)
    until(database, sweep.id, "report", home, 2)
    until(database, sweep.id, "calibrate", home, 2)
    control.request_cancel(home, sweep.id)

    assert ended(database, sweep.id).status is Status.CANCELLED
    partial = read_sweep(home, sweep.id).runs
    assert sorted(partial) == [0, 1], "the runs of 20 photos"
    assert all(database.get_run(run).results for run in partial.values())

    (home.root / "go").touch()
    control.resume(home, sweep.id, PLAN)
    assert ended(database, sweep.id).status is Status.FINISHED
    runs = read_sweep(home, sweep.id).runs
    assert {place: runs[place] for place in partial} == partial, "the same runs as before"
    assert len(runs) == 4
    assert worked(home.root)["report"] == 4 and worked(home.root)["model"] == 1


def test_a_killed_sweep_is_interrupted_and_resumes(home: Home, database: Database) -> None:
    sweep = create_sweep(home, database, a_sweep(SLOW_SIZE, 999 + 1, seeds=(1,)))
    pid = control.start_detached(home, sweep.id, PLAN)
    until(database, sweep.id, "calibrate", home)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():  # its lock ends with the last of it
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert ended(database, sweep.id).status is Status.INTERRUPTED
    (home.root / "go").touch()
    assert sweep_foreground(home, sweep.id, plan=PLAN).status is Status.FINISHED
    assert worked(home.root)["model"] == 1 and worked(home.root)["report"] == 4


def test_a_run_that_a_killed_driver_has_added_is_not_added_again(
    home: Home, database: Database
) -> None:
    sweep = create_sweep(home, database, a_sweep(20, seeds=(1,)))
    sweep_foreground(home, sweep.id, plan=PLAN)
    state = read_sweep(home, sweep.id)
    runs = dict(state.runs)
    del state.runs[1]  # killed between the index and its own file
    save(home, state)
    sweep_foreground(home, sweep.id, plan=PLAN)
    assert read_sweep(home, sweep.id).runs == runs
    assert len(database.list_runs()) == 1 + len(runs)
    assert [row.name for row in database.stages(runs[1])]


def test_a_deleted_run_of_a_sweep_comes_back(home: Home, database: Database) -> None:
    sweep = create_sweep(home, database, a_sweep(20, seeds=(1,)))
    sweep_foreground(home, sweep.id, plan=PLAN)
    runs = read_sweep(home, sweep.id).runs
    database.delete_run(runs[1])
    sweep_foreground(home, sweep.id, plan=PLAN)

    again = read_sweep(home, sweep.id).runs
    assert again[0] == runs[0] and again[1] != runs[1]
    made = database.get_run(again[1])
    assert made.results is not None

    # However many runs have come since, the sweep and its runs are known.
    for number in range(1001):
        later = replace(made, id=f"29990101-000000-{number:04x}", created=made.created + 60)
        assert database.insert_run(later)
    assert [row.id for row, _ in list_sweeps(home, database)] == [sweep.id]
    found = find_same(home, database, a_sweep(20, seeds=(1,)))
    assert found is not None and found.id == sweep.id
    assert made.id in member_runs(home)
    sweep_foreground(home, sweep.id, plan=PLAN)
    assert read_sweep(home, sweep.id).runs == again


def test_a_sweep_is_not_taken_for_a_run_nor_for_what_nobody_knows(
    home: Home, database: Database
) -> None:
    sweep = create_sweep(home, database, a_sweep(20))
    with pytest.raises(StageError, match="no run but a sweep"):
        run_foreground(home, sweep.id, plan=PLAN)
    (home.runs / sweep.id / "sweep.json").rename(home.runs / sweep.id / "hunt.json")
    with pytest.raises(StageError, match="no sweep but a hunt"):
        sweep_foreground(home, sweep.id, plan=PLAN)
    control.start_detached(home, sweep.id, PLAN)
    assert ended(database, sweep.id).status is Status.INTERRUPTED
    log = JobFiles.in_folder(home.runs / sweep.id).log
    assert "no kind of job 'hunt'" in log.read_text()
    assert worked(home.root) == {}


@pytest.mark.parametrize("workers", [2])
def test_measurements_of_a_cluster_come_when_nothing_else_runs(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        monkeypatch.setenv("EFFQ_SCHEDULER", cluster.scheduler_address)
        sweep = create_sweep(home, database, a_sweep(20, 50))
        run = sweep_foreground(home, sweep.id, plan=PLAN)
    assert run.status is Status.FINISHED, run.error
    assert worked(home.root)["report"] == 8 and worked(home.root)["index"] == 1
    stages = database.stages(sweep.id)
    last = max(s.finished or 0 for s in stages if s.kind in ("calibrate", "convert", "evaluate"))
    first = min(s.started or 0 for s in stages if s.kind == "benchmark")
    assert first >= last - 0.05
    pids = {mark.read_text() for mark in (home.root / "marks").iterdir()}
    assert len(pids) == workers, "every worker had its share"
