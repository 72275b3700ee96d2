"""What the engine takes, what it gives back, and how it is stopped."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pipeline_runs import Runs, dead
from typer.testing import CliRunner

from effq_core.base.settings import Home
from effq_core.cli.app import app
from effq_core.jobs.process import process_token
from effq_core.pipeline import engine, engine_files
from effq_core.pipeline.engine_status import engine_status, living_workers
from effq_core.store.rows import Status


def until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def effq(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(app, list(arguments))
    return answer.exit_code, answer.stdout, answer.stderr


def status() -> dict[str, object]:
    code, out, err = effq("engine", "status", "--json")
    assert code == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def held(runs: Runs) -> tuple[int, Path]:
    """The worker that ran ``hold``, and what it has left in the temporary folder."""
    (mark,) = runs.marks("hold")
    pid, name = mark.read_text().split()
    return int(pid), Path(name)


def test_an_idle_worker_gives_its_memory_back_and_another_is_there(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFQ_WORKER_IDLE", "1")
    assert runs.run("hold_plan").status is Status.FINISHED
    worker, leftover = held(runs)
    state = engine.running(runs.home)
    assert state is not None

    until(lambda: dead(worker), "the worker that held memory must go")
    until(lambda: living_workers(runs.home) == 1, "and another come")
    assert not leftover.exists(), "what it left in the temporary folder goes with it"
    assert not leftover.is_relative_to(runs.home.root.parent / "tmp"), "that was its own folder"
    assert engine_status(runs.home).memory_bytes < 600 << 20
    again = engine.running(runs.home)
    assert again is not None and again["pid"] == state["pid"], "the scheduler stays"
    (pid,) = [each.pid for each in workers(state["pid"])]
    time.sleep(2.5)
    assert [each.pid for each in workers(state["pid"])] == [pid], "one without work is left alone"

    assert runs.run("numbers_plan").status is Status.FINISHED
    assert int(runs.marks("number2")[0].read_text()) == pid


def workers(engine_pid: int) -> list[psutil.Process]:
    children = psutil.Process(engine_pid).children()
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


def test_a_worker_at_work_is_not_renewed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFQ_WORKER_IDLE", "0.1")
    run = runs.run("epochs_plan")
    assert run.status is Status.FINISHED
    assert runs.events(run.id, "worker_lost") == []
    assert len({mark.read_text() for mark in (runs.home.root / "marks").glob("epoch*")}) == 1


def test_measurements_share_the_hosts_lock_though_workers_have_folders_of_their_own(
    home: Home,
) -> None:
    from effq_core.base.locks import host_folder

    client = engine.connect(home)
    try:
        (theirs,) = client.run(lambda: str(host_folder())).values()
    finally:
        client.close()
    assert theirs == str(host_folder())


def test_repair_removes_what_killed_workers_left_and_nothing_of_living_ones(runs: Runs) -> None:
    assert runs.run("hold_plan").status is Status.FINISHED
    worker, leftover = held(runs)
    state = engine.running(runs.home)
    assert state is not None
    assert leftover.exists()
    assert effq("doctor", "--repair", "--offline", "--json")[0] == 0
    assert leftover.exists(), "its worker lives"

    for pid in (worker, state["pid"]):  # both at once: nobody is left to tidy up
        os.kill(pid, signal.SIGSTOP)
    for pid in (worker, state["pid"]):
        os.kill(pid, signal.SIGKILL)
    until(lambda: dead(worker) and dead(state["pid"]), "killed")
    assert leftover.exists()
    _, out, _ = effq("doctor", "--repair", "--offline", "--json")
    assert json.loads(out)["repair"]["swept"] == 2, "the worker's and the scheduler's"
    assert not leftover.exists()
    assert list((runs.home.engine / engine_files.WORKERS).rglob("*.dirlock")) == []
    common = {path.name for path in (runs.home.root.parent / "tmp").iterdir()}
    assert {name for name in common if not name.startswith("effq-")} == set(), "only the locks"


def test_status_says_what_the_engine_does(runs: Runs) -> None:
    assert status()["running"] is False
    assert "not running" in effq("engine", "status")[1]
    assert not engine_files.holder(runs.home.engine)

    run_id, _ = runs.start("long_plan")
    runs.until_mark("epoch0")
    found = status()
    state = engine.running(runs.home)
    assert state is not None
    assert (found["running"], found["pid"], found["workers"]) == (True, state["pid"], 1)
    assert abs(float(str(found["started"])) - time.time()) < 60
    assert int(str(found["memory_bytes"])) > 50 << 20
    assert found["work"] == [{"run": run_id, "name": "", "status": "running", "stages": ["train"]}]
    text = effq("engine", "status")[1]
    assert str(state["pid"]) in text and "1 worker" in text
    assert f"run {run_id} is running (train)" in text


def test_stop_refuses_while_a_run_is_active_and_names_it(runs: Runs) -> None:
    run_id, _ = runs.start("long_plan")
    runs.until_mark("epoch0")
    code, out, err = effq("engine", "stop")
    assert (code, out) == (1, "")
    assert run_id in err and "--force" in err
    state = engine.running(runs.home)
    assert state is not None, "it goes on"

    code, out, err = effq("engine", "stop", "--force", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["stopped"], told["pid"], told["cancelled"]) == (True, state["pid"], [run_id])
    assert told["freed_bytes"] > 50 << 20
    assert runs.ended(run_id).status is Status.CANCELLED
    assert process_token(state["pid"]) is None
    assert living_workers(runs.home) == 0
    assert "was not running" in effq("engine", "stop")[1]


def test_an_engine_that_is_just_starting_is_stopped_too(home: Home) -> None:
    stopped: list[bool] = []

    def stop() -> None:
        until(lambda: engine_files.holder(home.engine), "it signs its lock first")
        stopped.append(engine.stop(home))

    thread = threading.Thread(target=stop)
    thread.start()
    process = engine._spawn(home)
    thread.join(30)
    assert stopped == [True]
    process.wait(10)
    assert engine.running(home) is None


def test_an_existing_cluster_is_reported_and_never_stopped(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
        host="127.0.0.1",
    ) as cluster:
        monkeypatch.setenv("EFFQ_SCHEDULER", cluster.scheduler_address)
        found = status()
        assert (found["external"], found["workers"], found["pid"]) == (True, 2, None)
        code, _, err = effq("engine", "stop", "--force")
        assert code == 1
        assert cluster.scheduler_address in err and "did not start" in err
        assert status()["workers"] == 2
