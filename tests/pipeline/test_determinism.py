"""Same seed, same machine, same versions: the same bytes.

What was measured of it, on two cores: float32, float16, dynamic-range and int8 files and the
weights, files and predictions of QAT are the same to the byte from one store to another and from
one process to another. TensorFlow's SavedModels in between are not: it numbers their operators as
they come (``saved_model.pb``, ``fingerprint.pb``); their variables are. Timings are measurements.

The number of threads breaks it for training: on one core instead of two, QAT's weights and file
were others, because sums over threads are added up in another order. The files that need no
training were the same there too. Another processor may have kernels that round otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline.engine_files import engine_environment
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.store.artifacts import ArtifactStore
from tests.faults.bases import SMALL, bring_small

# A worker's process, as the engine starts it, without the engine.
_WORK = """
import json, sys
from effq_core.experiment import Experiment
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import StageTask, fingerprints
from effq_core.pipeline.worker import run_stage
from effq_core.base.settings import Home
home = Home.from_environment()
plan = build_plan(Experiment.from_dict(json.loads(sys.argv[1])), home)
named = fingerprints(plan)
for spec in plan:
    if spec.name in sys.argv[2:]:
        inputs = {name: (plan[of].kind, named[of]) for name, of in spec.inputs.items()}
        outcome = run_stage(
            StageTask(run_id="20260101-000000-abcd", spec=spec, fingerprint=named[spec.name],
                      inputs=inputs, home=str(home.root), topic="test"),
            lambda message: None,
        )
        assert outcome["state"] == "done", outcome
"""


def work(home: Home, experiment: Experiment, *stages: str) -> None:
    """Does some stages of a plan in a new process."""
    subprocess.run(
        [sys.executable, "-c", _WORK, json.dumps(experiment.to_dict()), *stages],
        env=engine_environment(home.root),
        check=True,
    )


def hashes(home: Home, experiment: Experiment, *stages: str) -> dict[str, dict[str, str]]:
    """Hash of each file of some stages' artifacts, by stage."""
    plan = build_plan(experiment, home)
    named = fingerprints(plan)
    found = {}
    for stage in stages:
        artifact = ArtifactStore(home).find(plan[stage].kind, named[stage])
        assert artifact is not None, stage
        found[stage] = {entry.path: entry.sha256 for entry in artifact.files}
    return found


def fresh(folder: Path, name: str) -> Home:
    home = Home(folder / name)
    home.root.mkdir()
    return home


def test_two_stores_get_the_same_ptq_files_to_the_byte(tiny_run: Any, tmp_path: Path) -> None:
    home = fresh(tmp_path, "again")
    files = [f"convert:{name}" for name in ("float32", "float16", "dynamic_range", "int8")]
    before = ("index", "pixels:calibration", "pixels:evaluation", "calibrate")
    # The tiny run has no new head, so nothing here is trained.
    work(home, tiny_run.experiment, *before, "pixels:training", "model", "freeze", *files)
    theirs = hashes(tiny_run.home, tiny_run.experiment, *before, "model", *files)
    assert hashes(home, tiny_run.experiment, *before, "model", *files) == theirs
    assert len({theirs[file]["model.tflite"] for file in files}) == len(files)


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("brought") / "home")
    bring_small(home)
    return home


def test_two_stores_get_the_same_qat_predictions(brought: Home, tmp_path: Path) -> None:
    experiment = replace(SMALL, variants=("float32", "int8_qat"))
    trained = ("finetune:int8_qat", "convert:int8_qat", "evaluate:int8_qat")
    before = ("index", "pixels:calibration", "pixels:training", "pixels:evaluation", "model")
    found = []
    for name in ("one", "two"):
        home = fresh(tmp_path, name)
        (home.root / "models").symlink_to(brought.models)
        work(home, experiment, *before, *trained)
        files = hashes(home, experiment, *trained)
        files["finetune:int8_qat"] = {
            path: sha256
            for path, sha256 in files["finetune:int8_qat"].items()
            if not path.endswith(".pb")
        }
        found.append(files)
    assert found[0] == found[1]
    assert "predictions.npz" in found[0]["evaluate:int8_qat"]
