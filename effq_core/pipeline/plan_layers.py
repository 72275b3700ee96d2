"""The stages that look into the layers. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers
from effq_core.experiment.variants import BASELINE, PTQ

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner

_FLOAT32 = {"float32": f"convert:{BASELINE}"}
RANGES = {**_FLOAT32, "statistics": "calibrate"}
"""Inputs of a stage that calibrates float32 anew."""


def add_layers(planner: Planner, experiment: Experiment) -> None:
    """Adds ``signal`` and ``effect`` where an experiment asks something of its layers."""
    asked = experiment.layers
    if asked:
        planner.add(
            "signal",
            "signal:signal",
            params={"images": asked.images},
            inputs={**_FLOAT32, "int8": f"convert:{PTQ}", "evaluation": "pixels:evaluation"},
            weight=5 + asked.images / 5,
        )
        add_effect(planner, experiment)


def add_effect(planner: Planner, experiment: Experiment) -> None:
    """Adds ``effect``: each block alone in int8, and alone in floats."""
    asked = experiment.layers or Layers()
    planner.add(
        "effect",
        "layers:effect",
        params={**asdict(asked), **planner.method},
        inputs={**RANGES, "calibration": "pixels:calibration"},
        weight=min(200, asked.budget_seconds),
    )
