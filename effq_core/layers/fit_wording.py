"""What fitting bits came to, in plain words. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.layers.trial_record import TrialRecord


@dataclass(frozen=True, kw_only=True)
class FitLimits:
    """Limits of a fitted file."""

    size_bytes: int
    slowdown: float | None  # × int8's time; ``None``: any
    asked_size: bool  # whether the size was asked for; else it is that of 4 bits everywhere


def broken_fit(trial: TrialRecord, limits: FitLimits) -> str:
    """Lists broken limits, as ``it takes 3,520 KiB where 3,500 KiB is allowed``; may be empty."""
    found = []
    if trial.size_bytes > limits.size_bytes:
        allowed = fmt.kib(limits.size_bytes)
        found.append(f"it takes {fmt.kib(trial.size_bytes)} where {allowed} is allowed")
    if limits.slowdown is not None and not trial.is_int8:
        if trial.time.disturbed:
            found.append("its time against int8's was disturbed, so that limit cannot be judged")
        elif trial.time.times > limits.slowdown:
            ratio = fmt.ratio(limits.slowdown)
            found.append(f"it takes {trial.time.text} int8's time where {ratio} is allowed")
    return "; ".join(found)


def nearest_words(times: float, needed_bytes: float | None) -> str:
    """Says what is possible where both limits are not.

    Args:
        times: × int8's time of the fastest file of the size allowed, as estimated.
        needed_bytes: Size of the smallest file as fast as allowed; ``None``: there is none.
    """
    fastest = f"The fastest file of that size takes about {fmt.ratio(times)} int8's time"
    if needed_bytes is None:
        return f"{fastest}. No choice of bits is as fast as asked: allow more time."
    return f"{fastest}; one as fast as asked needs about {fmt.kib(needed_bytes)}."


def describe_fit(
    trials: tuple[TrialRecord, ...],
    choice: TrialRecord,
    limits: FitLimits,
    *,
    complete: bool,
    nearest: str,
) -> str:
    """Says in a few sentences what a search came to; the first trial is int8 itself."""
    int8, said = trials[0], []
    files = fmt.counted(sum(not trial.is_int8 for trial in trials), "file")
    if not choice.ok:
        said += [f"None of {files} that were measured holds every limit: {choice.why}.", nearest]
    if not limits.asked_size:
        said.append("No size was asked for: it may be as large as with 4 bits everywhere.")
    same, own = choice.agreement, int8.agreement
    smaller = fmt.decimals(abs(choice.extra_size), 0)
    said.append(
        f"With {choice.what} the file takes {fmt.kib(choice.size_bytes)}, {smaller} % less than "
        f"int8, and {choice.time.text} its time on one thread."
    )
    said.append(
        f"It gives float32's answer on {fmt.percent(same.share)} of "
        f"{fmt.counted(choice.n, 'calibration photo')}, int8 on {fmt.percent(own.share)}."
    )
    if not complete:
        said.append("Time ran out before all were measured.")
    return " ".join(filter(None, said))
