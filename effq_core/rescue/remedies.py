"""What each remedy changes about an experiment, and why one may not apply. No TensorFlow."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from effq_core.base import formatting as fmt
from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.experiment import CALIBRATION_SIZES, Calibration, Experiment
from effq_core.experiment.mixed import BUDGETS, Mixed
from effq_core.experiment.variants import BASELINE, MIXED, PTQ
from effq_core.models.catalogue import get_model
from effq_core.models.classes import HeadUse, match_classes
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.glance import part_sizes
from effq_core.pipeline.fitting import CALIBRATION_SHARE
from effq_core.pipeline.forecast import Forecast, forecast
from effq_core.rescue.request import Remedy, Rescue
from effq_core.store.rows import StageRow

QAT = "int8_qat"
MORE = 4  # how many times as many calibration images are tried
_WORTH = 1.5  # fewer than so many times as many would tell nothing
_STEP = 10


class CannotApply(Exception):  # noqa: N818 - an outcome the story tells
    """A remedy changes nothing here; the text says why."""


def variant_of(remedy: Remedy | None) -> str:
    """Returns the variant a remedy makes; int8 itself for ``None``."""
    return {Remedy.MIXED: MIXED, Remedy.QAT: QAT}.get(remedy, PTQ) if remedy else PTQ


def as_it_is(experiment: Experiment) -> Experiment:
    """Returns the experiment that measures int8 and float32, and nothing else."""
    return replace(experiment, variants=(BASELINE, PTQ), layers=None)


def apply(remedy: Remedy, rescue: Rescue, best: Calibration, home: Home) -> Experiment:
    """Returns the experiment that tries a remedy on the ``best`` calibration, or CannotApply."""
    base = replace(as_it_is(rescue.experiment), calibration=best)
    match remedy:
        case Remedy.PERCENTILE:
            return replace(base, calibration=_percentile(best))
        case Remedy.MOVING_AVERAGE:
            if best.method == Remedy.MOVING_AVERAGE:
                raise CannotApply("It is calibrated by the moving average already.")
            return replace(base, calibration=replace(best, method=remedy.value))
        case Remedy.MORE_IMAGES:
            return replace(base, calibration=_more(base, home))
        case Remedy.MIXED:
            return _mixed(base, rescue)
        case Remedy.QAT:
            return replace(base, variants=(BASELINE, QAT))


def _percentile(best: Calibration) -> Calibration:
    # The percentile EffQ starts with: it measured best on both bundled models.
    share = Calibration().percentile
    if best.method == Remedy.PERCENTILE and best.percentile == share:
        raise CannotApply(f"It is calibrated by the percentile {share:g} already.")
    return replace(best, method=Remedy.PERCENTILE.value, percentile=share)


def _more(base: Experiment, home: Home) -> Calibration:
    size = base.calibration.size
    room = _room(base, home)
    wanted = min(MORE * size, min(CALIBRATION_SIZES[1], room))
    if wanted < MORE * size:
        wanted -= wanted % _STEP
    if wanted < _WORTH * size:
        if size * _WORTH > CALIBRATION_SIZES[1]:
            reason = f"EffQ calibrates with no more than {fmt.count(CALIBRATION_SIZES[1])}."
        else:
            reason = f"There is room for {fmt.count(room)} beside the other samples."
        raise CannotApply(f"{fmt.counted(size, 'image')} calibrate already. {reason}")
    return replace(base.calibration, size=wanted)


def _room(base: Experiment, home: Home) -> int:
    """Returns how many photos could calibrate without taking any from training."""
    there = part_sizes(base.dataset, home).training
    dataset = open_dataset(base.dataset, home)
    labels = get_model(base.model, home).head_labels
    if match_classes(labels, dataset.class_names, dataset.wnids).use is not HeadUse.NEW:
        return there
    if base.training_size is not None:
        return there - base.training_size
    return there // CALIBRATION_SHARE


def _mixed(base: Experiment, rescue: Rescue) -> Experiment:
    given = rescue.experiment
    chosen = given.mixed or Mixed()
    seconds = chosen.budget_seconds
    if rescue.budget_seconds is not None:
        seconds = max(BUDGETS[0], min(seconds, rescue.budget_seconds))
    return replace(
        base,
        variants=(BASELINE, PTQ, MIXED),
        mixed=replace(
            chosen, keep=(), max_drop_points=rescue.max_drop_points, budget_seconds=seconds
        ),
        # What a look into the layers has measured with this calibration is used again.
        layers=given.layers if base.calibration == given.calibration else None,
    )


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A remedy that could be tried now, or why it cannot."""

    remedy: Remedy
    experiment: Experiment | None = None
    seconds: float = 0.0  # estimated here, what is cached left out
    # From nothing, which orders remedies: a cache must not put training before calibration.
    whole_seconds: float = 0.0
    why: str = ""


def offers(
    rescue: Rescue,
    best: Calibration,
    home: Home,
    *,
    history: Iterable[StageRow] = (),
    without: Collection[Remedy] = (),
    tried: Collection[Experiment] = (),
) -> list[Offer]:
    """Estimates the remedies left: those that can apply, cheapest first; then those that cannot."""
    stages = list(history)
    left = [remedy for remedy in rescue.remedies if remedy not in without]
    made = [_offer(remedy, rescue, best, home, stages, tried) for remedy in left]
    order = list(Remedy)  # of equal estimates, the gentler remedy first
    return sorted(made, key=lambda o: (bool(o.why), o.whole_seconds, order.index(o.remedy)))


def _offer(
    remedy: Remedy,
    rescue: Rescue,
    best: Calibration,
    home: Home,
    history: list[StageRow],
    tried: Collection[Experiment],
) -> Offer:
    try:
        experiment = apply(remedy, rescue, best, home)
        if experiment in tried:
            return Offer(remedy=remedy, why="It has been measured with these settings already.")
        cost = cost_of(experiment, home, history)
        return Offer(
            remedy=remedy,
            experiment=experiment,
            seconds=cost.seconds,
            whole_seconds=cost.whole_seconds,
        )
    except CannotApply as reason:
        return Offer(remedy=remedy, why=str(reason))
    except InputError as error:  # no photos to train on, layers QAT does not know, and the like
        return Offer(remedy=remedy, why=f"It cannot be used here: {error.message}")


def cost_of(experiment: Experiment, home: Home, history: Iterable[StageRow]) -> Forecast:
    """Estimates a run, with all training photos counted where all that remain were asked for."""
    stages = list(history)
    found = forecast(experiment, home, stages)
    if not experiment.trains or experiment.training_size is not None:
        return found
    full = forecast(replace(experiment, training_size=max(1, found.sizes.training)), home, stages)
    seconds = max(found.seconds, full.seconds) if found.seconds else 0.0
    return replace(found, seconds=seconds, whole_seconds=full.whole_seconds)
