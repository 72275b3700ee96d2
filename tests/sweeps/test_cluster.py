"""A real sweep on three workers started by the ``dask`` command, one of them killed half-way."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from effq_core.pipeline import engine, engine_files, shards
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.progress import Update
from effq_core.settings import Home
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageState, Status
from effq_core.sweeps.state import create_sweep, read_sweep
from effq_core.sweeps.sweep import Sweep
from tests.conftest import TINY

WORKERS = 3
SWEEP = Sweep(
    base=replace(TINY, variants=("float32", "int8"), threads=(1,), image_size=64),
    calibration_sizes=(10, 20),
)


class Cluster:
    """A scheduler and its workers, as somebody would start them by hand."""

    def __init__(self, folder: Path, home: Home) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.log = folder / "cluster.log"
        self._folder = folder
        self._environment = engine_files.engine_environment(home.root)
        self._scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
        )
        self.workers = {
            f"w{n}": self._start(
                "worker", self.address, "--nthreads", "1", "--no-dashboard", "--name", f"w{n}",
                "--local-directory", str(folder / f"w{n}"), "--memory-limit", "0",
            )
            for n in range(WORKERS)
        }  # fmt: skip
        from distributed import Client

        self.client = Client(self.address, timeout=30, set_as_default=False)
        self.client.wait_for_workers(WORKERS, timeout=60)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("dask")), *arguments],
                env=self._environment, stdout=output, stderr=output, cwd=self._folder,
            )  # fmt: skip

    def kill_who_works_on(self, kind: str) -> int:
        """Ends the process that has a task of this kind; its nanny stays, and starts another."""
        for address, keys in self.client.processing().items():
            if any(str(key).startswith(kind) for key in keys):
                name = self.client.scheduler_info(n_workers=-1)["workers"][address]["name"]
                [child] = psutil.Process(self.workers[name].pid).children()
                child.send_signal(signal.SIGKILL)
                return int(child.pid)
        return 0

    def close(self) -> None:
        self.client.close()
        for process in (*self.workers.values(), self._scheduler):
            process.send_signal(signal.SIGTERM)
        for process in (*self.workers.values(), self._scheduler):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def cluster(tmp_path: Path, home: Home) -> Iterator[Cluster]:
    made = Cluster(tmp_path, home)
    yield made
    made.close()


def run_sweep(home: Home, killer: object = None) -> RunRow:
    database = Database(home.database)
    sweep = create_sweep(home, database, SWEEP, "tiny")
    database.close()
    return run_foreground(home, sweep.id, killer)  # type: ignore[arg-type]


def files(home: Home, *kinds: str) -> dict[str, str]:
    """Hash of every file some kinds of stages have made; but manifests, which have times."""
    return {
        str(path.relative_to(home.artifacts)): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in kinds
        for path in sorted((home.artifacts / kind).rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_a_cluster_that_loses_a_worker_gives_what_the_embedded_engine_gives(
    home: Home, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    def kill_once(update: Update) -> None:
        busy = any(s.kind == "calibrate" and s.state is StageState.RUNNING for s in update.stages)
        if busy and not killed:
            pid = cluster.kill_who_works_on("calibrate")
            if pid:
                killed.append(pid)

    monkeypatch.setattr(shards, "SHARD_FROM", 20)
    monkeypatch.setenv("EFFQ_SCHEDULER", cluster.address)
    run = run_sweep(home, kill_once)
    monkeypatch.delenv("EFFQ_SCHEDULER")
    assert run.status is Status.FINISHED, f"{run.error} {cluster.log.read_text()[-3000:]}"
    assert len(killed) == 1
    database = Database(home.database)
    events = [event.kind for event in database.events_after(run.id)]
    stages = database.stages(run.id)
    database.close()
    assert "worker_lost" in events
    assert sum(stage.kind == "evaluate_part" for stage in stages) == 3 * WORKERS
    assert engine.running(home) is None

    alone = Home(tmp_path / "alone")
    alone.root.mkdir()
    monkeypatch.setenv("EFFQ_HOME", str(alone.root))
    try:
        other = run_sweep(alone)
    finally:
        engine.stop(alone)
    assert other.status is Status.FINISHED, other.error
    kinds = ("pixels", "model", "freeze", "convert", "calibrate", "evaluate")
    assert files(home, *kinds) == files(alone, *kinds)
    made = files(home, "convert", "evaluate")
    assert sum(name.endswith(".tflite") for name in made) == 3, "float32, and int8 of each run"
    assert sum(name.endswith("predictions.npz") for name in made) == 3
    assert not (alone.artifacts / "evaluate_part").exists()
    assert len(read_sweep(home, run.id).runs) == len(read_sweep(alone, other.id).runs) == 2
