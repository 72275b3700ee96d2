"""Stages while a plan is being made: how one is written down, and what it may depend on."""

from __future__ import annotations

import json
from typing import Any

from effq_core.pipeline.stage import StageSpec
from effq_core.runtimes.registry import RUNTIMES

_STAGES = "effq_core.pipeline.stages"

# Packages whose version a stage's result depends on.
TENSORFLOW = ("tensorflow", "tf_keras", "numpy")
QAT = (*TENSORFLOW, "tensorflow-model-optimization")
IMAGES = ("pillow", "scikit-image", "numpy")
LITERT = RUNTIMES["litert"].packages
STATISTICS = (*LITERT, "scipy")


class StageList:
    """Stages in the order in which they were thought of.

    Attributes:
        stages: So far.
    """

    def __init__(self) -> None:
        self.stages: list[StageSpec] = []

    def add(self, name: str, function: str, *, version: int = 1, **fields: Any) -> None:
        """Adds a stage.

        Args:
            name: Unique; what comes before a colon is its kind.
            function: ``module:function`` below the stages' package.
            version: Of its code.
            **fields: Others of :class:`~effq_core.pipeline.stage.StageSpec`.
        """
        params = json.loads(json.dumps(fields.pop("params", {})))
        self.stages.append(
            StageSpec(
                name=name,
                kind=name.partition(":")[0],
                function=f"{_STAGES}.{function}",
                version=version,
                params=params,
                **fields,
            )
        )
