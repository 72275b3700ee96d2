"""Small stages whose plan has the shape of a real one: shared, by size, by seed, measured alone."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from effq_core.base.errors import DatasetError
from effq_core.experiment import Experiment
from effq_core.pipeline.registry import get_stage, stage
from effq_core.pipeline.stage import Plan, StageSpec

SLOW_SIZE = 999
"""A calibration size whose stage waits until it is cancelled or its file is there."""
BAD_SIZE = 998
"""A calibration size whose stage fails."""


@stage("tests:work", title="Work")
def work(context: Any) -> dict[str, Any]:
    """Leaves a mark for every time it really works."""
    name, size = context.params["name"], context.params.get("size")
    marks = context.home.root / "marks"
    marks.mkdir(exist_ok=True)
    (marks / f"{name}-{time.monotonic_ns()}").write_text(str(os.getpid()))
    if size == BAD_SIZE:
        raise DatasetError("There are no such photos.", "Choose fewer.")
    while size == SLOW_SIZE and not (context.home.root / "go").exists():
        context.check_cancelled()
        time.sleep(0.02)
    text = "".join(sorted((path / "text").read_text() for path in context.inputs.values()))
    (context.out / "text").write_text(f"{name}({text})")
    return {"text": name}


def plan(experiment: Experiment, home: Any) -> Plan:
    size, seed = experiment.calibration.size, experiment.seed

    def spec(name: str, *inputs: str, exclusive: bool = False, **params: Any) -> StageSpec:
        kind = name.partition(":")[0]
        return StageSpec(
            name=name,
            stage=replace(get_stage("tests:work"), kind=kind),
            params={"name": kind, **params},
            inputs={source: source for source in inputs},
            exclusive=exclusive,
        )

    return Plan(
        [
            spec("index"),
            spec("model", "index"),
            spec("pixels", "index", seed=seed),
            spec("calibrate", "model", "pixels", size=size),
            spec("convert:int8", "calibrate", method=str(experiment.calibration.method)),
            spec("evaluate:int8", "convert:int8"),
            spec("benchmark:int8", "convert:int8", exclusive=True),
            spec("report", "evaluate:int8", "benchmark:int8", choice=experiment.to_dict()),
        ]
    )


PLAN = "sweep_stages:plan"


def worked(root: Path) -> dict[str, int]:
    """How often each kind of stage has really worked."""
    found: dict[str, int] = {}
    for mark in (root / "marks").iterdir():
        kind = mark.name.rpartition("-")[0]
        found[kind] = found.get(kind, 0) + 1
    return found
