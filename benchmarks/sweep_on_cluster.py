"""The same sweep on the embedded engine and on an external cluster that loses a worker half-way.

``python -m benchmarks.sweep_on_cluster [--workers 3] [--image-size 64] [--sizes 20,50]
[--seeds 1,2] [--to DIR]`` runs both in new stores, compares every ``.tflite``, every prediction and
every other file of the stages behind them byte for byte, and prints what it found as JSON. Exits
with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.dask_cluster import DaskCluster
from effq_core.base import hardware
from effq_core.base.settings import Home
from effq_core.pipeline import engine
from effq_core.pipeline.presets import demo
from effq_core.pipeline.progress import OnUpdate, Update
from effq_core.store.database import Database
from effq_core.store.rows import StageState
from effq_core.sweeps.driver import sweep_foreground
from effq_core.sweeps.state import create_sweep, read_sweep
from effq_core.sweeps.sweep import Sweep

KINDS = ("pixels", "model", "freeze", "keras", "convert", "calibrate", "inspect", "evaluate")
_OF_THE_MOMENT = ("manifest.json", "fingerprint.pb")
"""Files that differ each time: ours has times, TensorFlow's of a saved model a random number."""


def main() -> int:
    """Runs both and compares.

    Returns:
        0 if everything is the same.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--sizes", default="20,50")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--to", type=Path, default=None)
    given = parser.parse_args()
    base = replace(
        demo(),
        variants=("float32", "int8"),
        image_size=given.image_size,
        training_size=100,
        evaluation_size=200,
        threads=(1,),
    )
    sweep = Sweep(
        base=base,
        calibration_sizes=tuple(int(size) for size in given.sizes.split(",")),
        seeds=tuple(int(seed) for seed in given.seeds.split(",")),
    )
    folder = given.to or Path(tempfile.mkdtemp(prefix="effq-sweep-"))
    embedded, seconds_embedded = _run(folder / "embedded", sweep)
    external = Home(folder / "cluster")
    external.root.mkdir(parents=True)
    killed: list[int] = []
    with DaskCluster(folder, external.root, given.workers) as cluster:

        def kill_once(update: Update) -> None:
            running = [s.kind for s in update.stages if s.state is StageState.RUNNING]
            if not killed and "calibrate" in running:
                killed.extend(filter(None, [cluster.kill_who_works_on("calibrate")]))

        os.environ["EFFQ_SCHEDULER"] = cluster.address
        clustered, seconds_cluster = _run(external.root, sweep, kill_once)
        del os.environ["EFFQ_SCHEDULER"]
    ours, theirs = (_files(folder / name) for name in ("embedded", "cluster"))
    different = sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
    print(
        json.dumps(
            {
                "runs": sweep.runs,
                "workers": given.workers,
                "worker_killed": bool(killed),
                "embedded": {**embedded, "seconds": seconds_embedded},
                "cluster": {**clustered, "seconds": seconds_cluster},
                "files_compared": len(ours),
                "tflite_compared": sum(name.endswith(".tflite") for name in ours),
                "predictions_compared": sum(name.endswith("predictions.npz") for name in ours),
                "different": different,
                "hardware": hardware.describe().to_dict(),
            },
            indent=1,
        )
    )
    finished = embedded["finished"] == clustered["finished"] == sweep.runs
    return int(bool(different) or not killed or not finished)


def _run(
    root: Path, sweep: Sweep, on_update: OnUpdate | None = None
) -> tuple[dict[str, Any], float]:
    root.mkdir(parents=True, exist_ok=True)
    home = Home(root)
    os.environ["EFFQ_HOME"] = str(root)
    database = Database(home.database)
    try:
        made = create_sweep(home, database, sweep)
        begun = time.monotonic()
        run = sweep_foreground(home, made.id, on_update)
        seconds = round(time.monotonic() - begun, 1)
        stages = database.stages(run.id)
        return {
            "status": run.status,
            "error": run.error,
            "finished": len(read_sweep(home, run.id).runs),
            "stages": len(stages),
            "made": sum(stage.state is StageState.DONE for stage in stages),
        }, seconds
    finally:
        database.close()
        engine.stop(home)


def _files(root: Path) -> dict[str, str]:
    artifacts = Home(root).artifacts
    return {
        str(path.relative_to(artifacts)): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in KINDS
        for path in sorted((artifacts / kind).rglob("*"))
        if path.is_file() and path.name not in _OF_THE_MOMENT
    }


if __name__ == "__main__":
    sys.exit(main())
