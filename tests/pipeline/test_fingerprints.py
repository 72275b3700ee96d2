"""Stages keep the fingerprints they had: what an older version made is still found and reused.

Where a stage has really changed its result, its version is raised; then its new fingerprint, and
those of all that comes after it, are written by ``python -m tests.pipeline.test_fingerprints``.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from effq_core.base import hardware
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.pipeline import stage
from effq_core.pipeline.plan import build_plan

KEPT = Path(__file__).with_name("fingerprints.json")
EVERY = (
    "float32",
    "float16",
    "dynamic_range",
    "int8",
    "int8_qat",
    "int8_mixed",
    "int8_qat_untrained",
    "int8_float_control",
)
EXPERIMENTS = {
    "standard": Experiment(),
    "all variants": Experiment(variants=EVERY, layers=Layers()),
    "min-max": Experiment(variants=EVERY, calibration=Calibration(size=20, method="min_max")),  # type: ignore[arg-type]
    "moving average": Experiment(
        variants=EVERY,
        calibration=Calibration(size=20, method="moving_average"),  # type: ignore[arg-type]
    ),
    "blocks by name": Experiment(variants=("int8_mixed",), mixed=Mixed(keep=("block1a",))),
    "a limit on latency": Experiment(
        variants=("int8_mixed",), mixed=Mixed(max_latency_ratio=1.5), sitting=2
    ),
    "QAT alone": Experiment(
        variants=("int8_qat",),
        qat=Qat(epochs=2, loss="distill"),
        training_size=300,  # type: ignore[arg-type]
    ),
    "one of each control": Experiment(variants=("int8_qat_untrained", "int8_float_control")),
    "another model": Experiment(
        model="efficientnet_lite0_imagenet", variants=EVERY, image_size=128, evaluation_size=50
    ),
    "a run of a sweep": Experiment(
        model="efficientnetv2_b0_imagenet", variants=EVERY, seed=7, common_seed=42
    ),
}


def found() -> dict[str, dict[str, str]]:
    """Names every stage of every experiment, on no machine and with no libraries in particular."""
    host = SimpleNamespace(to_dict=lambda: {"cpu": "any"})
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(stage, "library_versions", lambda names: dict.fromkeys(names, "1")),
        patch.object(hardware, "describe", lambda: host),
    ):
        return {
            title: stage.fingerprints(build_plan(experiment, Home(Path(folder))))
            for title, experiment in EXPERIMENTS.items()
        }


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, str]]:
    return found()


@pytest.mark.parametrize("title", EXPERIMENTS)
def test_no_stage_is_made_anew(now: dict[str, dict[str, str]], title: str) -> None:
    assert now[title] == json.loads(KEPT.read_text(encoding="utf-8"))[title]


if __name__ == "__main__":
    KEPT.write_text(json.dumps(found(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
