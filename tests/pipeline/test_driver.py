"""Whole runs: real driver processes, a real engine, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline_runs import Runs

from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.cli import job
from effq_core.pipeline import control, driver, engine
from effq_core.pipeline.progress import Update
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.rows import Status
from effq_core.store.runfiles import read_stages


def test_a_run_is_worked_on_once_and_then_reused(runs: Runs) -> None:
    updates: list[Update] = []
    run_id = runs.create()
    run = driver.run_foreground(
        runs.home, run_id, updates.append, plan="pipeline_stages:numbers_plan"
    )
    assert (run.status, run.error) == (Status.FINISHED, "")
    assert set(runs.states(run_id).values()) == {"done"}
    assert run.results is not None
    report = ArtifactStore(runs.home).find("report", run.results)
    assert report is not None
    assert report.summary == {"value": 3}
    assert sorted(event["value"] for event in runs.events(run_id, "wrote")) == [1, 2]
    assert updates[-1].run.status == Status.FINISHED
    assert updates[-1].remaining == 0
    assert {update.event.kind for update in updates if update.event} == {"wrote"}
    assert not list((runs.home.root / "scratch").rglob("*.txt"))

    engine.stop(runs.home)
    begun = time.perf_counter()
    again = runs.run("numbers_plan")
    seconds = time.perf_counter() - begun
    assert set(runs.states(again.id).values()) == {"reused"}
    assert again.results == run.results
    assert engine.running(runs.home) is None, "reuse needs no engine"
    assert seconds < 0.5
    assert len(runs.marks("number1")) == len(runs.marks("report")) == 1


def test_a_driver_imports_no_tensorflow_and_ends_with_code_0(runs: Runs) -> None:
    run_id = runs.create()
    code = (
        "import sys; from effq_core.cli import job; import effq_core.pipeline.executor;"
        f"status = job.main(['run', {run_id!r}, 'pipeline_stages:numbers_plan']);"
        "heavy = {'tensorflow', 'tf_keras', 'numpy', 'streamlit'} & set(sys.modules);"
        "print(status, sorted(heavy - {'numpy'}))"
    )
    root = str(Path(driver.__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], root])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0 []", done.stderr


def test_a_killed_driver_is_noticed_and_its_run_resumes(runs: Runs) -> None:
    run_id, pid = runs.start("slow_epochs_plan")
    runs.until_mark("epoch1")
    os.kill(pid, signal.SIGKILL)
    assert runs.ended(run_id).status == Status.INTERRUPTED
    assert runs.states(run_id)["number:1"] == "done"

    assert control.resume(runs.home, run_id, "pipeline_stages:slow_epochs_plan") != pid
    with pytest.raises(InputError, match="already"):
        control.resume(runs.home, run_id, "pipeline_stages:slow_epochs_plan")
    assert runs.ended(run_id).status == Status.FINISHED
    assert runs.states(run_id) == {"number:1": "reused", "train": "done", "report": "done"}
    assert runs.events(run_id, "resumed")[-1]["epoch"] >= 1
    assert [len(runs.marks(f"epoch{n}")) for n in (0, 5)] == [1, 1]
    assert runs.temporary_files() == []


def test_a_killed_worker_is_replaced_and_its_stage_resumes(runs: Runs) -> None:
    run_id, _ = runs.start("epochs_plan")
    (mark,) = runs.until_mark("epoch1")
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert runs.ended(run_id).status == Status.FINISHED
    assert len(runs.events(run_id, "worker_lost")) == 1
    assert runs.events(run_id, "resumed")[0]["epoch"] == 0
    assert runs.events(run_id, "resumed")[-1]["epoch"] == 1
    assert len(runs.marks("epoch0")) == len(runs.marks("number1")) == 1
    assert runs.temporary_files() == []


def test_a_killed_engine_is_replaced_and_the_run_goes_on(runs: Runs) -> None:
    run_id, _ = runs.start("epochs_plan")
    runs.until_mark("epoch1")
    state = engine.running(runs.home)
    assert state is not None
    os.kill(state["pid"], signal.SIGKILL)
    assert runs.ended(run_id, 40).status == Status.FINISHED
    assert runs.events(run_id, "resumed")[-1]["epoch"] >= 1


def test_a_stage_that_always_kills_its_worker_fails_after_three_tries(runs: Runs) -> None:
    run = runs.run("die_plan")
    assert run.status == Status.FAILED
    assert "died 3 times in the stage train" in run.error
    assert "memory" in run.hint
    assert len(runs.marks("die")) == 3
    assert runs.states(run.id) == {"number:1": "done", "train": "failed", "report": "cancelled"}


@pytest.mark.parametrize("plan", ["long_plan", "stubborn_plan", "deaf_plan"])
def test_cancel_takes_effect_within_five_seconds(runs: Runs, plan: str) -> None:
    run_id, _ = runs.start(plan)
    (mark,) = runs.until_mark(
        {"long_plan": "epoch0", "stubborn_plan": "stubborn", "deaf_plan": "deaf"}[plan]
    )[:1]
    worker = int(mark.read_text())
    begun = time.monotonic()
    control.request_cancel(runs.home, run_id)
    run = runs.ended(run_id)
    seconds = time.monotonic() - begun
    assert run.status == Status.CANCELLED
    assert seconds < 5
    assert runs.states(run_id) == {"number:1": "done", "train": "cancelled", "report": "cancelled"}
    alive = Path(f"/proc/{worker}").exists()
    assert alive == (plan == "long_plan"), "only a worker that does not answer is ended"
    # The engine serves the next run at once.
    assert runs.run("numbers_plan").status == Status.FINISHED
    assert runs.temporary_files() == []


def test_runs_queue_and_a_queued_one_can_be_cancelled(runs: Runs) -> None:
    first, _ = runs.start("long_plan")
    runs.until_mark("epoch0")
    second, _ = runs.start("numbers_plan", runs.create(seed=2))
    third, _ = runs.start("numbers_plan", runs.create(seed=3))
    runs.until(third, lambda run: (runs.home.runs / third / "driver.lock").exists())
    assert runs.database.get_run(second).status == Status.QUEUED
    control.request_cancel(runs.home, third)
    assert runs.ended(third, 5).status == Status.CANCELLED
    assert runs.database.get_run(second).status == Status.QUEUED
    control.request_cancel(runs.home, first)
    assert runs.ended(first).status == Status.CANCELLED
    assert runs.ended(second).status == Status.FINISHED


def test_a_run_that_was_cancelled_while_its_driver_was_born_stays_so(runs: Runs) -> None:
    run_id = runs.create()
    control.request_cancel(runs.home, run_id)
    assert job.main(["run", run_id, "pipeline_stages:numbers_plan"]) == 130
    assert runs.database.get_run(run_id).status == Status.CANCELLED
    assert runs.marks("number1") == []
    # Who asks for it again gets it.
    assert runs.run("numbers_plan", run_id).status == Status.FINISHED


def test_of_those_who_resume_a_run_at_once_one_does(runs: Runs) -> None:
    run_id = runs.create()
    control.request_cancel(runs.home, run_id)

    def come(_: int) -> bool:
        try:
            return control.resume(runs.home, run_id, "pipeline_stages:long_plan") > 0
        except InputError as error:
            assert "already" in error.message
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(come, range(4))) == 1
    runs.until_mark("epoch0")
    assert runs.database.get_run(run_id).status == Status.RUNNING


def test_what_a_run_makes_is_kept_beside_the_index(runs: Runs) -> None:
    run = runs.run("numbers_plan")
    stages = runs.database.stages(run.id)
    kept = read_stages(run, runs.home.runs / run.id)
    assert kept is not None
    assert [(row.name, row.kind, row.fingerprint) for row in kept] == [
        (row.name, row.kind, row.fingerprint) for row in stages
    ]


def test_two_drivers_of_the_same_plan_make_each_stage_once(runs: Runs) -> None:
    started = [runs.start("numbers_plan", runs.create(seed))[0] for seed in (1, 2)]
    assert {runs.ended(run_id).status for run_id in started} == {Status.FINISHED}
    assert [len(runs.marks(name)) for name in ("number1", "number2", "report")] == [1, 1, 1]
    assert sorted(runs.states(run_id)["report"] for run_id in started) == ["done", "reused"]


def test_an_error_of_a_stage_arrives_word_for_word(runs: Runs) -> None:
    run = runs.run("bad_input_plan")
    assert (run.status, run.error, run.hint) == (
        Status.FAILED,
        "The folder photos has 3 images.",
        "Add at least 10.",
    )
    assert runs.temporary_files() == []
    bug = runs.run("bug_plan")
    (event,) = runs.events(bug.id, "bug")
    assert str(event["id"]) in bug.error
    assert "nobody expected this" in str(event["traceback"])


def test_a_damaged_artifact_is_made_anew_with_a_warning(runs: Runs) -> None:
    first = runs.run("numbers_plan")
    row = runs.stage(first.id, "number:2")
    path = ArtifactStore(runs.home).path(row.kind, row.fingerprint)
    os.truncate(path / "number.txt", 0)
    second = runs.run("numbers_plan")
    assert second.status == Status.FINISHED
    assert runs.states(second.id) == {"number:1": "reused", "number:2": "done", "report": "reused"}
    (warning,) = runs.events(second.id, "warning")
    assert "quarantine" in str(warning["message"])
    assert (path / "number.txt").read_text() == "2"


@contextmanager
def small_disk(mount: Path) -> Iterator[Path]:
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_on_a_disk_that_stays_full_the_end_of_the_run_is_recorded(
    tmp_path: Path, runs: Runs
) -> None:
    with small_disk(tmp_path / "small") as mount:
        (mount / "home").mkdir()
        small = Runs(Home(mount / "home"))
        try:
            run = small.run("full_disk_plan")
            assert run.status == Status.FAILED
            assert "space" in run.error or "full" in run.error
            assert "EFFQ_HOME" in run.hint
            assert small.database.get_run(run.id).error == run.error
            (mount / "ballast").unlink()
            assert small.run("numbers_plan").status == Status.FINISHED
            assert not list(small.home.runs.glob("*/reserve"))
        finally:
            engine.stop(small.home)
            small.database.close()


def test_a_full_disk_fails_the_run_and_keeps_what_was_finished(tmp_path: Path, runs: Runs) -> None:
    with small_disk(tmp_path / "small") as mount:
        small = Runs(Home(mount))
        try:
            run = small.run("fill_disk_plan")
            assert run.status == Status.FAILED
            assert "no space left" in run.error
            assert "EFFQ_HOME" in run.hint
            assert small.states(run.id)["number:1"] == "done"
            assert small.temporary_files() == []
            assert small.run("numbers_plan").status == Status.FINISHED
        finally:
            engine.stop(small.home)
            small.database.close()


def test_an_interrupt_within_the_driver_cancels(runs: Runs) -> None:
    """A second Ctrl-C is no signal to the run any more, and a notebook's process lives on."""

    interrupted = []

    def interrupt(update: Update) -> None:
        if update.stages and not interrupted:
            interrupted.append(update)
            raise KeyboardInterrupt

    run_id = runs.create()
    run = driver.run_foreground(runs.home, run_id, interrupt, "pipeline_stages:numbers_plan")
    assert run.status == Status.CANCELLED
    assert runs.run("numbers_plan", run_id).status == Status.FINISHED
