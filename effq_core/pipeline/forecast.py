"""What a run would cost before it is started: time, disk, and what is there already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from effq_core.datasets.catalogue import open_dataset
from effq_core.datasets.glance import check_samples
from effq_core.datasets.sampling import ResolvedSizes
from effq_core.experiment import Experiment
from effq_core.models.catalogue import get_model
from effq_core.models.classes import HeadNote, HeadUse, match_classes
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.plan_model import head_note
from effq_core.pipeline.stage import StageSpec, fingerprints
from effq_core.settings import Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.rows import StageRow, StageState

WORKER_START = 12.0
"""Seconds until a worker has imported TensorFlow (measured on 2 cores of a Xeon: 8 to 14)."""

_MIB = 2**20

# Bytes of an artifact for each byte of float32 weights, from the artifacts of the reference run
# (V2-B0: 22.6 MiB of weights). Fine-tuning keeps weights and, until it ends, Adam's two moments.
_SHARES = {"model": 1.0, "freeze": 1.0, "ranges": 1.05, "finetune": 1.5}
_CONVERTED = {"float32": 1.0, "float16": 0.5, "dynamic_range": 0.28, "qat": 0.31}
_QUANTIZED = 0.31
_SMALL = 0.3 * _MIB  # summaries, predictions of ten classes, timings


@dataclass(frozen=True)
class Forecast:
    """What a run of an experiment would take.

    Attributes:
        stages: How many it has.
        cached: How many of them are there already.
        seconds: Estimated time of the rest; 0 where nothing is left.
        bytes: Estimated disk space of the rest.
        calibrated: Whether runs of this machine went into the estimate of the time.
        sizes: Photos of each sample, before copies are left out.
        head_use: What becomes of the model's head on these photos.
        head_note: Why it becomes a new one; empty where it does not.
    """

    stages: int
    cached: int
    seconds: float
    bytes: int
    calibrated: bool
    sizes: ResolvedSizes
    head_use: HeadUse
    head_note: HeadNote


def forecast(experiment: Experiment, home: Home, history: Iterable[StageRow] = ()) -> Forecast:
    """Estimates a run.

    Args:
        experiment: What would be run.
        home: The store.
        history: Stages of earlier runs: they tell how fast this machine is.

    Returns:
        The estimate.

    Raises:
        InputError: If the experiment cannot be run, as
            :func:`effq_core.pipeline.plan.build_plan` says.
    """
    plan = build_plan(experiment, home)
    card, dataset = get_model(experiment.model, home), open_dataset(experiment.dataset, home)
    head_use = match_classes(card.head_labels, dataset.class_names, dataset.wnids).use
    sizes = check_samples(experiment, home, new_head=head_use is HeadUse.NEW)
    store, names = ArtifactStore(home), fingerprints(plan)
    missing = [spec for spec in plan if not store.exists(spec.kind, names[spec.name])]
    pace = host_pace(history)
    seconds = sum(spec.weight for spec in missing) * (pace or 1.0)
    if any(not spec.exclusive for spec in missing):
        seconds += WORKER_START
    return Forecast(
        stages=len(plan),
        cached=len(plan) - len(missing),
        seconds=seconds if missing else 0.0,
        bytes=round(sum(_bytes(spec, card.float32_bytes, sizes) for spec in missing)),
        calibrated=pace is not None,
        sizes=sizes,
        head_use=head_use,
        head_note=head_note(card, dataset),
    )


def host_pace(history: Iterable[StageRow]) -> float | None:
    """Tells how many times longer than estimated stages take on this machine.

    Args:
        history: Stages of earlier runs.

    Returns:
        The factor, from stages that were really computed; ``None`` without 20 s of them.
    """
    took = expected = 0.0
    for stage in history:
        if stage.state is StageState.DONE and stage.started and stage.finished:
            took += max(0.0, stage.finished - stage.started)
            expected += stage.weight
    return took / expected if took >= 20 and expected > 0 else None


def _bytes(spec: StageSpec, weights: int, sizes: ResolvedSizes) -> float:
    if spec.kind == "pixels":
        role = str(spec.params["role"])
        return float(getattr(sizes, role) * 3 * spec.params["image_size"] ** 2)
    if spec.kind == "convert":
        form = spec.params.get("form")
        return weights * (_CONVERTED.get(str(form), 1.0) if form else _QUANTIZED)
    return weights * _SHARES.get(spec.kind, 0.0) + _SMALL
