"""Stages while a plan is being made: how one is written down."""

from __future__ import annotations

import json
from typing import Any

from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import StageSpec


class StageList:
    """Stages in the order in which they were thought of."""

    def __init__(self) -> None:
        self.stages: list[StageSpec] = []

    def add(self, name: str, stage_id: str, **fields: Any) -> None:
        """Adds a stage, unless it is there; ``fields`` are those of :class:`StageSpec`."""
        params = json.loads(json.dumps(fields.pop("params", {})))
        spec = StageSpec(name=name, stage=get_stage(stage_id), params=params, **fields)
        if spec not in self.stages:  # what several variants need is made once
            self.stages.append(spec)
