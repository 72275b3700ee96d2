"""What each remedy would cost here, before it is tried; cheapest first. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from effq_core.errors import InputError
from effq_core.experiment import Calibration, Experiment
from effq_core.pipeline.forecast import forecast
from effq_core.rescue.remedies import CannotApply, apply
from effq_core.rescue.request import Remedy, Rescue
from effq_core.settings import Home
from effq_core.store.rows import StageRow


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A remedy that could be tried now, or why it cannot.

    Attributes:
        remedy: The remedy.
        experiment: What would be run; ``None`` where it cannot apply.
        seconds: What that is estimated to take, what is cached left out.
        why: Why it cannot apply; empty where it can.
    """

    remedy: Remedy
    experiment: Experiment | None = None
    seconds: float = 0.0
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
    """Estimates the remedies that are left.

    Args:
        rescue: What is asked.
        best: The calibration that has lost least so far.
        home: The store: what it holds already costs nothing.
        history: Stages of earlier runs: they tell how fast this machine is.
        without: Remedies that had their turn.
        tried: Experiments that had.

    Returns:
        Those that can apply, cheapest first; then those that cannot.
    """
    stages = list(history)
    left = [remedy for remedy in rescue.remedies if remedy not in without]
    made = [_offer(remedy, rescue, best, home, stages, tried) for remedy in left]
    order = list(Remedy)  # of equal estimates, the gentler remedy first
    return sorted(made, key=lambda o: (bool(o.why), o.seconds, order.index(o.remedy)))


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
        return Offer(
            remedy=remedy, experiment=experiment, seconds=seconds_of(experiment, home, history)
        )
    except CannotApply as reason:
        return Offer(remedy=remedy, why=str(reason))
    except InputError as error:  # no photos to train on, layers QAT does not know, and the like
        return Offer(remedy=remedy, why=f"It cannot be used here: {error.message}")


def seconds_of(experiment: Experiment, home: Home, history: Iterable[StageRow]) -> float:
    """Estimates how long a run would take.

    Args:
        experiment: What would be run.
        home: The store.
        history: Stages of earlier runs.

    Returns:
        Seconds; 0 where everything is there.

    Raises:
        InputError: If it cannot be run.
    """
    stages = list(history)
    found = forecast(experiment, home, stages)
    if not found.seconds or not experiment.trains or experiment.training_size is not None:
        return found.seconds
    # "All that remain" has no number before it is counted.
    counted = replace(experiment, training_size=max(1, found.sizes.training))
    return max(found.seconds, forecast(counted, home, stages).seconds)
