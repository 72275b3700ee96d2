"""Experiments, sweeps and rescues of earlier versions: read, and written, to the byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.experiment import Calibration, Experiment, Qat, QatLoss
from effq_core.experiment.mixed import Layers, Mixed, Precision
from effq_core.pipeline.presets import PRESETS
from effq_core.rescue.request import Rescue
from effq_core.sweeps.sweep import Sweep

GOLDEN: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("golden.json").read_text("utf-8")
)
KINDS: dict[str, Any] = {"sweep": Sweep, "sweep of seeds": Sweep, "rescue": Rescue}

MADE = {
    **{f"preset {name}": make() for name, make in PRESETS.items()},
    "everything": Experiment(
        model="own:x",
        dataset="folder:/photos/Käse & Brot",
        variants=("int8_mixed", "float16", "file_mine"),
        calibration=Calibration(size=20, method="moving_average", percentile=99.5),
        qat=Qat(
            epochs=3, learning_rate=3e-4, batch_size=8, loss=QatLoss.DISTILL, validation_share=0.2
        ),
        training_size=100,
        evaluation_size=200,
        image_size=96,
        threads=(4, 1),
        benchmark_invocations=200,
        seed=7,
        common_seed=42,
        layers=Layers(images=50, budget_seconds=90),
        mixed=Mixed(
            keep=("stem", "block1a"),
            precision=Precision.FLOAT32,
            max_drop_points=0.5,
            max_extra_size=20,
            max_latency_ratio=2.5,
            budget_seconds=60,
        ),
        sitting=3,
    ),
    "usual layers and limits": Experiment(variants=("int8_mixed",), layers=Layers()),
    "files of another run": Experiment(files_of="reference", variants=("int8",)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_what_earlier_versions_wrote_is_read_and_written_the_same(name: str) -> None:
    golden = GOLDEN[name]
    read = KINDS.get(name, Experiment).from_dict(json.loads(golden["canonical"]))
    text = json.dumps(read.to_dict(), sort_keys=True, separators=(",", ":"))
    assert text == golden["canonical"]
    if "fingerprint" in golden:
        assert read.fingerprint() == golden["fingerprint"]


@pytest.mark.parametrize("name", MADE)
def test_an_experiment_has_the_fingerprint_it_always_had(name: str) -> None:
    made, golden = MADE[name], GOLDEN[name]
    if name.startswith("preset"):  # which gain the variants there are
        made = replace(made, variants=tuple(json.loads(golden["canonical"])["variants"]))
    assert made.canonical_json() == golden["canonical"]
    assert made.fingerprint() == golden["fingerprint"]
