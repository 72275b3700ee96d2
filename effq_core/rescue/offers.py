"""What each remedy would cost, before it is tried; cheapest first. Imports no TensorFlow."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.pipeline.forecast import Forecast, forecast
from effq_core.rescue.remedies import CannotApply, apply
from effq_core.rescue.request import Remedy, Rescue
from effq_core.store.rows import StageRow


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
