"""The embedded engine, an external one, and the host's lock."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from pipeline_runs import Runs, dead

from effq_core.base.errors import EngineError
from effq_core.base.locks import cores
from effq_core.base.settings import Home
from effq_core.pipeline import engine, engine_files
from effq_core.pipeline.stage import StageTask, fingerprints
from effq_core.pipeline.worker import run_stage
from effq_core.store.rows import Status


def listening(pid: int) -> list[str]:
    found = psutil.Process(pid).net_connections(kind="tcp")
    return [each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN]


def test_the_engine_is_private_encrypted_and_single(home: Home) -> None:
    begun = time.monotonic()
    client = engine.connect(home)
    seconds = time.monotonic() - begun
    assert seconds < 10  # about 2; the cores may be shared
    address = client.scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    state = engine.running(home)
    assert state is not None
    (worker,) = client.run(os.getpid).values()
    # One socket each for scheduler and nanny, one for the worker: no status page.
    assert listening(state["pid"]) == ["127.0.0.1"] * 2
    assert listening(worker) == ["127.0.0.1"]
    assert stat.S_IMODE(home.engine.stat().st_mode) == 0o700
    for name in (engine_files.KEY, engine_files.CERTIFICATE, engine_files.STATE):
        assert stat.S_IMODE((home.engine / name).stat().st_mode) == 0o600
    client.close()

    host, port = address.removeprefix("tls://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        plain.sendall(b"hello, without a handshake")
        plain.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert b"dask" not in plain.recv(100).lower()

    clients: list[object] = []
    threads = [
        threading.Thread(target=lambda: clients.append(engine.connect(home))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.scheduler.address for each in clients} == {address}  # type: ignore[attr-defined]
    for each in clients:
        each.close()  # type: ignore[attr-defined]

    os.kill(state["pid"], signal.SIGKILL)  # leaves a stale engine.json
    deadline = time.monotonic() + 5
    while not dead(state["pid"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    client = engine.connect(home)
    renewed = engine.running(home)
    assert renewed is not None
    assert renewed["pid"] != state["pid"]
    client.close()
    deadline = time.monotonic() + 5
    while not dead(worker):
        assert time.monotonic() < deadline, "a worker must end with its engine"
        time.sleep(0.05)
    assert engine.stop(home)
    assert engine.running(home) is None
    assert not engine.stop(home)


def test_two_processes_that_start_it_at_once_share_one(home: Home) -> None:
    code = (
        "from effq_core.pipeline import engine; from effq_core.base.settings import Home;"
        "c = engine.connect(Home.from_environment()); print(c.scheduler.address); c.close()"
    )
    root = str(Path(engine.__file__).parents[2])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": root},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1


def test_a_taken_port_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("EFFQ_ENGINE_PORT", str(port))
        with pytest.raises(EngineError, match=f"port {port}.*taken") as caught:
            engine.connect(home)
    assert "EFFQ_ENGINE_PORT" in caught.value.hint


def test_the_engine_ends_when_idle(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFQ_ENGINE_IDLE", "0.5")
    client = engine.connect(home)
    time.sleep(1.5)
    assert engine.running(home) is not None, "a connected client is not idle"
    client.close()
    deadline = time.monotonic() + 10
    while engine.running(home) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_workers_environment_is_set_before_it_starts(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests that import TensorFlow quieten it, and a user's own choice would be kept.
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    run = runs.run("environment_plan")
    assert run.status == Status.FINISHED
    from effq_core.store.artifacts import ArtifactStore

    report = ArtifactStore(runs.home).find("report", run.results or "")
    assert report is not None
    found = report.summary["environ"]
    assert found["MALLOC_MMAP_THRESHOLD_"] == found["MALLOC_TRIM_THRESHOLD_"] == "34359738368"
    assert found["TF_USE_LEGACY_KERAS"] == "1"
    assert found["TF_CPP_MIN_LOG_LEVEL"] == "2"
    assert int(found["OMP_NUM_THREADS"]) >= 1


def test_an_engine_of_older_code_is_renewed_by_the_holder_of_the_queue(home: Home) -> None:
    engine.connect(home).close()
    state = engine.running(home)
    assert state is not None
    from effq_core.base.files import write_json

    write_json(home.engine / engine_files.STATE, state | {"code": "older"}, 0o600)
    engine.connect(home).close()
    assert engine.running(home)["pid"] == state["pid"]  # type: ignore[index]
    engine.connect(home, fresh=True).close()
    assert engine.running(home)["pid"] != state["pid"]  # type: ignore[index]


def test_an_existing_cluster_is_used(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        monkeypatch.setenv("EFFQ_SCHEDULER", cluster.scheduler_address)
        started = [runs.start("numbers_plan", runs.create(seed))[0] for seed in (1, 2)]
        assert {runs.ended(run_id).status for run_id in started} == {Status.FINISHED}
        # Both runs were there at once; the artifact's lock made each stage happen once.
        assert [len(runs.marks(name)) for name in ("number1", "report")] == [1, 1]
        assert engine.running(runs.home) is None

        run_id, _ = runs.start("stubborn_plan")
        runs.until_mark("stubborn")
        begun = time.monotonic()
        from effq_core.pipeline import control

        control.request_cancel(runs.home, run_id)
        assert runs.ended(run_id).status == Status.CANCELLED
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:1", "cannot be reached"),
        ("tls://127.0.0.1:1", "EFFQ_TLS_CA must name a file"),
        ("somewhere", "EFFQ_SCHEDULER is 'somewhere'"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, address: str, message: str
) -> None:
    monkeypatch.setenv("EFFQ_SCHEDULER", address)
    monkeypatch.setattr(engine, "_CONNECT_SECONDS", 1.0)
    with pytest.raises(EngineError, match=message) as caught:
        engine.connect(home)
    assert caught.value.hint


def test_a_measurement_has_the_cores_alone_and_is_not_starved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    inside: list[str] = []
    seen: list[list[str]] = []
    go, waiting, got = threading.Event(), threading.Event(), threading.Event()

    def shared(name: str) -> None:
        with cores(alone=False):
            inside.append(name)
            go.wait(10)
            inside.remove(name)

    def alone() -> None:
        with cores(alone=True, on_wait=waiting.set):
            seen.append(list(inside))
            got.set()

    first = threading.Thread(target=shared, args=("first",))
    first.start()
    while not inside:
        time.sleep(0.01)
    second = threading.Thread(target=alone)
    second.start()
    assert waiting.wait(5)
    late = threading.Thread(target=shared, args=("late",))
    late.start()
    time.sleep(0.3)
    assert inside == ["first"], "whoever comes later waits behind the measurement"
    go.set()
    assert got.wait(5)
    for thread in (first, second, late):
        thread.join(5)
    assert seen == [[]]


def test_a_stage_runs_without_a_cluster_for_its_own_tests(home: Home) -> None:
    import pipeline_stages

    plan = pipeline_stages.numbers_plan(None, home)
    told: list[dict[str, object]] = []
    task = StageTask(
        run_id="20260101-000000-abcd",
        spec=plan["number:1"],
        fingerprint=fingerprints(plan)["number:1"],
        inputs={},
        home=str(home.root),
        topic="test",
    )
    assert run_stage(task, told.append)["state"] == "done"
    assert [message["what"] for message in told] == [
        "started",
        "running",
        "progress",
        "event",
        "outcome",
    ]
    assert run_stage(task, told.append)["state"] == "reused"
