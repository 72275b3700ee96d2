"""What trials and a suggestion come to, in plain words. Pure functions."""

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.layers.trial_record import TrialRecord

_TITLES = {Precision.FLOAT16: "16-bit floats", Precision.FLOAT32: "32-bit floats"}
_SHOWN = 6


def is_too_costly(trial: TrialRecord, limits: Mixed) -> bool:
    """Returns whether a trial is larger or slower than the limits allow."""
    ratio = limits.max_latency_ratio
    return bool(trial.keep) and (
        trial.extra_size > limits.max_extra_size
        or (ratio is not None and not trial.time.disturbed and trial.time.times > ratio)
    )


def broken_limits(trial: TrialRecord, limits: Mixed, *, labelled: bool) -> str:
    """Lists broken limits, as ``it loses 0.41 points where 0.20 are allowed``; empty if none is."""
    found = []
    # Both are multiples of one photo's share: a sum of floats must not decide.
    if trial.drop_points > limits.max_drop_points + 1e-9:
        lost = _lost(trial.drop_points, labelled=labelled)
        found.append(f"{lost} where {_allowed(limits.max_drop_points, labelled=labelled)}")
    if trial.keep and trial.extra_size > limits.max_extra_size:
        allowed = fmt.decimals(limits.max_extra_size, 1)
        found.append(f"it is {fmt.decimals(trial.extra_size, 1)} % larger where {allowed} % is")
    ratio = limits.max_latency_ratio
    if trial.keep and ratio is not None and trial.time.disturbed:
        found.append("its time against int8's was disturbed, so that limit cannot be judged")
    elif trial.keep and ratio is not None and trial.time.times > ratio:
        found.append(f"it takes {trial.time.text} int8's time where {fmt.ratio(ratio)} is")
    return "; ".join(found)


def describe(
    trials: tuple[TrialRecord, ...],
    choice: TrialRecord,
    *,
    labelled: bool,
    complete: bool,
    limits: Mixed,
) -> str:
    """Says in a few sentences what a search came to; the first trial is int8 itself."""
    int8 = trials[0]
    photos = fmt.counted(choice.n, "evaluation photo")
    if choice.ok and not choice.keep:
        return (
            f"int8 itself holds the limit: {_lost(int8.drop_points, labelled=labelled)} against "
            f"float32 on {photos}, and {_allowed(limits.max_drop_points, labelled=labelled)} "
            "allowed. Nothing is kept in floats, so int8 mixed equals int8."
        )
    said = []
    if choice.keep:
        said.append(_gain(int8, choice, labelled=labelled))
    if not choice.ok:
        why = choice.why if choice.keep else int8.why
        best = "The best of them" if choice.keep else "Nothing is kept: int8 itself is the best"
        said.insert(
            0,
            f"None of {fmt.counted(len(trials), 'file')} that were measured holds every limit"
            f"{'' if complete else ', and time ran out before all were'}.",
        )
        said.append(f"{best}: {why}.")
    elif not complete:
        said.append("Time ran out before it was known whether fewer blocks would do.")
    if choice.keep:
        said.append(
            f"It was chosen among {fmt.counted(len(trials), 'file')} by these very {photos}; on "
            "photos it has not seen, expect it to do a little worse."
        )
    return " ".join(said)


def recovered(int8: TrialRecord, trial: TrialRecord) -> float | None:
    """Returns the share of a real drop of int8 that a trial takes back, 0–1 and beyond."""
    if int8.drop_points <= 0 or (int8.p is not None and int8.p >= SIGNIFICANCE):
        return None
    return (int8.drop_points - trial.drop_points) / int8.drop_points


def _gain(int8: TrialRecord, choice: TrialRecord, *, labelled: bool) -> str:
    names = list(choice.keep)
    shown = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        shown += f" and {fmt.count(len(names) - _SHOWN)} more"
    share = recovered(int8, choice)
    back = "" if share is None else f" ({fmt.percent(share, 0)} of it recovered)"
    before = _lost(int8.drop_points, labelled=labelled).removeprefix("it ")
    after = _lost(choice.drop_points, labelled=labelled)
    than = "larger" if choice.extra_size >= 0 else "smaller"
    size = fmt.decimals(abs(choice.extra_size), 1)
    stored = _TITLES[choice.precision or Precision.FLOAT32]
    return (
        f"With {shown} kept in {stored} {after} against float32 where int8 "
        f"{before}{back}; the file is {size} % {than} than int8's and takes "
        f"{choice.time.text} its time on one thread"
        f"{', timed while the processor was busy' if choice.time.disturbed else ''}."
    )


def _lost(drop: float, *, labelled: bool) -> str:
    if not labelled:
        return f"it disagrees on {fmt.decimals(drop, 2)} % of the photos"
    if drop < 0:
        return f"it gains {fmt.decimals(-drop, 2)} points"
    return f"it loses {fmt.decimals(drop, 2)} points"


def _allowed(limit: float, *, labelled: bool) -> str:
    return f"{fmt.decimals(limit, 2)} {'points' if labelled else '%'} are"
