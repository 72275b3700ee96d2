"""Long evaluations in parts, so that every worker has one."""

import dataclasses

from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import Plan, StageSpec

SHARD_FROM = 1000
"""Evaluation images from which on parts pay off: predicting 500 takes some seconds."""

_EVALUATE = "measure:evaluate"


def in_parts(plan: Plan, finished: set[str], workers: int) -> Plan:
    """Divides a plan's long evaluations among workers; fingerprints and artifacts stay the same."""
    if workers < 2:
        return plan
    stages: list[StageSpec] = []
    for spec in plan:
        if spec.stage.id == _EVALUATE and spec.name not in finished and _is_large(plan, spec):
            made = [_part(spec, number, workers) for number in range(workers)]
            stages += made
            spec = dataclasses.replace(spec, parts=tuple(part.name for part in made), weight=1.0)
        stages.append(spec)
    return Plan(stages) if len(stages) > len(plan) else plan


def _is_large(plan: Plan, spec: StageSpec) -> bool:
    size = plan[spec.inputs["evaluation"]].params["sizes"]["evaluation"]
    return size is None or size >= SHARD_FROM  # all there are may be many


def _part(spec: StageSpec, number: int, parts: int) -> StageSpec:
    return StageSpec(
        name=f"{spec.name}:{number + 1}of{parts}",
        stage=get_stage(f"{_EVALUATE}_part"),
        params={"part": number, "parts": parts},
        inputs=dict(spec.inputs),
        extra_libraries=spec.extra_libraries,
        weight=spec.weight / parts,
    )
