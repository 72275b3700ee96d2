"""Where the finished tiny run keeps what the stages of layers read."""

from __future__ import annotations

from pathlib import Path

from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.store.artifacts import ArtifactStore


def artifact(tiny_run, stage: str) -> Path:  # type: ignore[no-untyped-def]
    """Returns the folder of a stage's result, such as ``convert:int8``."""
    plan = build_plan(tiny_run.experiment, tiny_run.home)
    found = ArtifactStore(tiny_run.home).find(plan[stage].kind, fingerprints(plan)[stage])
    assert found is not None, stage
    return found.path
