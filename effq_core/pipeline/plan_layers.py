"""The stages that look into the layers and mix precisions. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from effq_core.base import hardware
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers
from effq_core.experiment.variants import BASELINE, MIXED, PTQ
from effq_core.layers.names import names_of
from effq_core.models.card import ModelCard
from effq_core.models.own.card import OwnCard
from effq_core.pipeline.stage_list import LITERT, STATISTICS, TENSORFLOW, StageList

_FLOAT32 = {"float32": f"convert:{BASELINE}"}
_RANGES = {**_FLOAT32, "statistics": "calibrate"}


def check_keep(card: ModelCard | OwnCard, experiment: Experiment) -> None:
    """Refuses names of blocks a model does not have, before anything is made.

    Args:
        card: The model.
        experiment: What is asked of it.

    Raises:
        ModelError: If there is no such block, layer or group, with those there are.
    """
    keep = experiment.mixed.keep if experiment.mixed else ()
    names = names_of(card) if keep else None
    if names is not None:
        names.check(keep)


def add_layers(stages: StageList, experiment: Experiment, images: int) -> None:
    """Adds what an experiment asks of its layers; nothing, if it asks nothing.

    Stages: ``signal`` (each tensor's float32 values against int8's), ``effect`` (each block alone
    in int8, and alone in floats), ``suggest`` (the smallest set of blocks that holds the limits)
    and ``convert:int8_mixed``.

    Args:
        stages: Of the plan so far; has ``convert:float32``, ``convert:int8`` and ``calibrate``.
        experiment: What is asked.
        images: Evaluation images, to estimate times.
    """
    mixed, asked = experiment.mixed, experiment.layers
    calibration = experiment.calibration
    method = {"method": calibration.method, "percentile": calibration.percentile}
    if asked:
        stages.add(
            "signal",
            "signal:signal",
            params={"images": asked.images},
            inputs={**_FLOAT32, "int8": f"convert:{PTQ}", "evaluation": "pixels:evaluation"},
            weight=5 + asked.images / 5,
            library_versions=LITERT,
        )
    if asked or (mixed and mixed.is_suggested):
        stages.add(
            "effect",
            "layers:effect",
            params={**asdict(asked or Layers()), **method},
            inputs={**_RANGES, "calibration": "pixels:calibration"},
            weight=min(200, (asked or Layers()).budget_seconds),
            library_versions=TENSORFLOW,
        )
    if mixed is None:
        return
    choice: dict[str, Any] = asdict(mixed)
    recipe: dict[str, str] = {}
    if mixed.is_suggested:
        # A limit on time is one of this machine: what another one found does not hold here.
        timed = mixed.max_latency_ratio is not None
        again = {"sitting": experiment.sitting} if experiment.sitting else {}
        host = {"host": hardware.describe().to_dict(), **again} if timed else {}
        stages.add(
            "suggest",
            "layers:suggest",
            version=2,
            params={**choice, **method, **host},
            inputs={
                **_RANGES,
                "int8": f"convert:{PTQ}",
                "float32_answers": f"evaluate:{BASELINE}",
                "int8_answers": f"evaluate:{PTQ}",
                "effect": "effect",
                "evaluation": "pixels:evaluation",
            },
            exclusive=True,  # it takes the time of what it tries
            weight=min(30 + 5 * images / 60, mixed.budget_seconds),
            library_versions=(*TENSORFLOW, *STATISTICS),
        )
        recipe = {"recipe": "suggest"}
    stages.add(
        f"convert:{MIXED}",
        "layers:mix",
        params={"keep": choice["keep"], "precision": choice["precision"], **method},
        inputs={**_RANGES, "model": "model", **recipe},
        weight=3,
        library_versions=TENSORFLOW,
    )
