"""Real stages on three workers started by the ``dask`` command, one of them killed half-way.

``python -m benchmarks.sweep_on_cluster`` does the same with a whole sweep.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.dask_cluster import DaskCluster
from effq_core.base.settings import Home
from effq_core.pipeline import engine
from effq_core.pipeline import stage as shards
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.progress import Update
from effq_core.store.database import Database
from effq_core.store.rows import StageState, Status

WORKERS = 3
MADE_ELSEWHERE = ("index", "pixels", "model", "freeze", "keras")
"""What this test takes from the tiny run: it is about what comes after."""


def files(home: Home, kind: str, fingerprint: str) -> dict[str, str]:
    """Hash of every file of an artifact but its manifest, which has times."""
    folder = home.artifacts / kind / fingerprint
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_a_cluster_that_loses_a_worker_gives_what_the_embedded_engine_gives(
    home: Home, database: Database, tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in MADE_ELSEWHERE:
        shutil.copytree(tiny_run.home.artifacts / kind, home.artifacts / kind)
    run_id = database.create_run(replace(tiny_run.experiment, variants=("float32", "int8")))
    killed: list[int] = []

    with DaskCluster(tmp_path, home.root, WORKERS) as cluster:

        def kill_once(update: Update) -> None:
            busy = [s for s in update.stages if s.state is StageState.RUNNING]
            if not killed and any(stage.kind == "calibrate" for stage in busy):
                killed.extend(filter(None, [cluster.kill_who_works_on("calibrate")]))

        monkeypatch.setattr(shards, "SHARD_FROM", 20)
        monkeypatch.setenv("EFFQ_SCHEDULER", cluster.address)
        run = run_foreground(home, run_id, kill_once)
        monkeypatch.delenv("EFFQ_SCHEDULER")
        log = cluster.log.read_text()[-3000:]
    assert run.status is Status.FINISHED, f"{run.error} {log}"
    assert len(killed) == 1
    assert "worker_lost" in [event.kind for event in database.events_after(run.id)]
    assert engine.running(home) is None, "the embedded engine had no part in it"

    stages = {stage.name: stage for stage in database.stages(run.id)}
    assert sum(stage.kind == "evaluate_part" for stage in stages.values()) == 2 * WORKERS
    compared = 0
    for name in ("convert:float32", "calibrate", "convert:int8", "evaluate:float32",
                 "evaluate:int8"):  # fmt: skip
        stage = stages[name]
        assert stage.state is StageState.DONE, "made here, by a worker of the cluster"
        here = files(home, stage.kind, stage.fingerprint)
        assert here and here == files(tiny_run.home, stage.kind, stage.fingerprint), name
        compared += len(here)
    assert compared >= 8
