"""What a run would cost before it is started: time, disk, and what is there already."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import CATALOGUE, get_variant, is_ready
from effq_core.models.catalogue import get_model
from effq_core.models.classes import HeadNote, HeadUse
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.glance import check_samples
from effq_core.photos.image_input import ImageInput
from effq_core.photos.sampling import ResolvedSizes
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.plan_model import head_note
from effq_core.pipeline.stage import LAST, StageSpec, fingerprints
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState

WORKER_START = 12.0  # seconds until a worker has TensorFlow (8 to 14 on 2 cores of a Xeon)

_MIB = 2**20
_LOOKED_AT, _HISTORY = 50, 5  # runs to look for finished ones, and how many tell the pace

# Bytes of an artifact for each byte of float32 weights, from the artifacts of the reference run
# (V2-B0: 22.6 MiB of weights). Fine-tuning keeps weights and, until it ends, Adam's two moments.
_SHARES = {"model": 1.0, "freeze": 1.0, "ranges": 1.05, "finetune": 1.5, "moments": 4.5}
_SMALL = 0.3 * _MIB  # summaries, predictions of ten classes, timings


@dataclass(frozen=True)
class StageCost:
    """What one stage would take."""

    name: str
    cached: bool
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Forecast:
    """What a run of an experiment would take."""

    stages: int
    cached: int
    seconds: float  # estimated time of the rest; 0 where nothing is left
    whole_seconds: float
    bytes: int
    calibrated: bool
    sizes: ResolvedSizes  # photos of each sample, before copies are left out
    head_use: HeadUse
    head_note: HeadNote  # why it becomes a new one; empty where it does not
    parts: tuple[StageCost, ...]


def forecast(experiment: Experiment, home: Home, history: Iterable[StageRow] = ()) -> Forecast:
    """Estimates a run from the stages of earlier ones; InputError if it cannot be run."""
    plan = build_plan(experiment, home)
    head_use = HeadUse(plan[LAST].params["use"])
    card = get_model(experiment.model, home)
    note = HeadNote()
    if head_use is HeadUse.NEW:
        note = head_note(card, open_dataset(experiment.dataset, home))
    sizes = check_samples(experiment, home, new_head=head_use is HeadUse.NEW)
    store, names = ArtifactStore(home), fingerprints(plan)
    pace = host_pace(history)

    def cost(spec: StageSpec) -> StageCost:
        if store.exists(spec.kind, names[spec.name]):
            return StageCost(spec.name, cached=True, seconds=0.0, bytes=0)
        seconds, size = spec.weight * (pace or 1.0), round(_bytes(spec, card.float32_bytes, sizes))
        return StageCost(spec.name, cached=False, seconds=seconds, bytes=size)

    parts = tuple(map(cost, plan))
    missing = [part for part in parts if not part.cached]
    return Forecast(
        stages=len(plan),
        cached=len(plan) - len(missing),
        seconds=seconds_of([plan[part.name] for part in missing], pace or 1.0),
        whole_seconds=seconds_of(plan, pace or 1.0),
        bytes=sum(part.bytes for part in missing),
        calibrated=pace is not None,
        sizes=sizes,
        head_use=head_use,
        head_note=note,
        parts=parts,
    )


def recent_stages(home: Home) -> list[StageRow]:
    """Returns the stages of the latest finished runs: they tell how fast this machine is."""
    if not home.database.exists():
        return []
    with Database(home.database) as database:
        finished = [run for run in database.list_runs(_LOOKED_AT) if run.results is not None]
        return [stage for run in finished[:_HISTORY] for stage in database.stages(run.id)]


def host_pace(history: Iterable[StageRow]) -> float | None:
    """Tells how much longer than estimated computed stages take here; ``None`` without 20 s."""
    took = expected = 0.0
    for stage in history:
        if stage.state is StageState.DONE and stage.started and stage.finished:
            took += max(0.0, stage.finished - stage.started)
            expected += stage.weight
    return took / expected if took >= 20 and expected > 0 else None


def seconds_of(stages: Iterable[StageSpec], pace: float) -> float:
    """Estimates the seconds of stages on one worker, its start included."""
    found = list(stages)
    start = WORKER_START if any(not spec.exclusive for spec in found) else 0.0
    return sum(spec.weight for spec in found) * pace + start


def _bytes(spec: StageSpec, weights: int, sizes: ResolvedSizes) -> float:
    if spec.kind == "pixels":
        role = str(spec.params["role"])
        return float(getattr(sizes, role) * math.prod(ImageInput.from_plain(spec.params).shape))
    if spec.kind == "convert":
        about = spec.name.partition(":")[2]
        known = about in CATALOGUE or is_ready(about)
        return weights * get_variant(about if known else str(spec.params.get("form"))).size_share
    return weights * _SHARES.get(spec.kind, 0.0) + _SMALL
