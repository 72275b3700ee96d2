"""Looks for the bits of each layer that lose least within the limits, and measures them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from effq_core.experiment.variants import FITTED
from effq_core.layers.fit_wording import FitLimits, describe_fit, nearest_words
from effq_core.layers.ledger import TimeUp
from effq_core.layers.solve_widths import Limit, Table, solve_widths, total
from effq_core.layers.trial_record import Suggestion, TrialRecord

_TRIES = 3
"""Files of one table of costs: the first, and those within tighter limits."""
_MARGIN = 0.995
"""What a limit is tightened to beyond what was measured: timings repeat to half a per cent."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a model's layers before anything is fitted."""

    costs: Mapping[str, Table]  # guesses at what widths lose, by name
    sizes: Table  # bytes of a layer's weights
    fixed_bytes: int  # of the file beside them
    times: Table | None  # milliseconds of a layer; ``None`` where time is not limited


class FitBench(Protocol):
    """What a search needs of :class:`~effq_core.layers.width_trials.WidthBench`."""

    @property
    def seconds(self) -> float:
        """Time so far."""

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All that were measured, in order."""

    def trial(self, widths: Mapping[str, int]) -> TrialRecord:
        """Measures a file; none: int8. Raises :class:`~effq_core.layers.ledger.TimeUp`."""


def fit(
    bench: FitBench,
    known: Known,
    limits: FitLimits,
    *,
    float32_bytes: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Suggestion:
    """Looks for the bits that lose least within the limits, or what comes nearest; Cancelled.

    Each table of costs is solved exactly and the file measured. One that misses a limit, as sums of
    single layers are estimates, is solved again within a tighter one.
    """
    complete, nearest = True, ""
    try:
        int8 = bench.trial({})
        for table in known.costs.values():
            nearest = _fitted(bench, known, table, limits, int8) or nearest
            progress(len(bench.trials), 1 + _TRIES * len(known.costs))
    except TimeUp:
        complete = False
    trials = bench.trials
    choice = choose_fit(trials, limits)
    return Suggestion(
        trials=trials,
        chosen=trials.index(choice),
        met=choice.ok,
        labelled=False,
        float32_top1=None,
        float32_bytes=float32_bytes,
        max_drop_points=None,
        max_extra_size=100 * (limits.size_bytes / trials[0].size_bytes - 1),
        max_latency_ratio=limits.slowdown,
        complete=complete,
        seconds=bench.seconds,
        sentence=describe_fit(trials, choice, limits, complete=complete, nearest=nearest),
        variant=FITTED,
        photos="calibration",
    )


def choose_fit(trials: tuple[TrialRecord, ...], limits: FitLimits) -> TrialRecord:
    """Takes what holds the limits and is closest to float32, or what exceeds them least."""
    if good := [trial for trial in trials if trial.ok]:
        return min(good, key=lambda trial: (trial.kl, trial.size_bytes))
    fitted = [trial for trial in trials if not trial.is_int8] or list(trials)
    return min(fitted, key=lambda trial: (_excess(trial, limits), trial.kl))


def _excess(trial: TrialRecord, limits: FitLimits) -> float:
    large = max(0.0, trial.size_bytes / limits.size_bytes - 1)
    slow = trial.time.times / limits.slowdown - 1 if limits.slowdown else 0.0
    return large + max(0.0, slow)


def _fitted(
    bench: FitBench, known: Known, costs: Table, limits: FitLimits, int8: TrialRecord
) -> str:
    """Measures the best by one table of costs; says what comes nearest where none holds all."""
    size = limits.size_bytes - known.fixed_bytes
    # Beside the layers' own, the time is what int8's whole file took.
    time = None
    if limits.slowdown and known.times:
        rest = int8.int8_ms - total(known.times, dict.fromkeys(costs, 8))
        time = limits.slowdown * int8.int8_ms - rest
    for _ in range(_TRIES):
        widths = solve_widths(costs, _limits(known, size, time))
        if widths is None:
            widths, words = _nearest(known, size, time, int8)
            bench.trial(widths)
            return words
        found = bench.trial(widths)
        over = found.size_bytes - limits.size_bytes
        slow = found.time.times - (limits.slowdown or found.time.times)
        if found.ok or (over <= 0 and (slow <= 0 or found.time.disturbed)):
            break
        size -= max(0, over)
        if time is not None and slow > 0 and not found.time.disturbed:
            time = (time - slow * int8.int8_ms) * _MARGIN
    return ""


def _limits(known: Known, size: float, time: float | None) -> tuple[Limit, ...]:
    limits = [Limit(table=known.sizes, most=size)]
    if time is not None and known.times:
        limits.append(Limit(table=known.times, most=time))
    return tuple(limits)


def _nearest(
    known: Known, size: float, time: float | None, int8: TrialRecord
) -> tuple[dict[str, int], str]:
    """Finds the fastest within a size, and says what each limit would need of the other."""
    fewest = {name: min(widths) for name, widths in known.sizes.items()}
    if time is None or known.times is None:
        return fewest, ""
    fastest = solve_widths(known.times, _limits(known, size, None)) or fewest
    rest = int8.int8_ms - total(known.times, dict.fromkeys(fewest, 8))
    times = (rest + total(known.times, fastest)) / int8.int8_ms
    smallest = solve_widths(known.sizes, (Limit(table=known.times, most=time),))
    needed = known.fixed_bytes + total(known.sizes, smallest) if smallest else None
    return fastest, nearest_words(times, needed)
