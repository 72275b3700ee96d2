"""Which variant to ship within given limits, and why not the others. Pure functions.

Never a control, nor one that failed a gate. Properties decide one after the other, as the user
prefers, where measurements tell variants apart; of equals the one easiest to make is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from effq_core.advise.cautions import doubts, remarks, retiming
from effq_core.advise.message import Message, say
from effq_core.advise.reasons import (
    Judge,
    Limits,
    Preference,
    beyond,
    by_accuracy,
    by_size,
    by_speed,
    drop_of,
    easier,
    gain,
    slowness,
    unfit,
)
from effq_core.experiment.variants import get_variant
from effq_core.measure.gates import answers_fit_labels
from effq_core.results.document import Results, VariantResult

__all__ = ["Limits", "Preference", "Recommendation", "Verdict", "drop_of", "recommend"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided on one variant, and why."""

    name: str
    fits: bool  # whether it keeps to the limits and may be shipped at all
    reason: Message


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The variant to ship."""

    chosen: Verdict | None  # its verdict; ``None`` where no variant keeps to the limits
    others: tuple[Verdict, ...]  # verdicts of all others, in the catalogue's order
    cautions: tuple[Message, ...]
    # Why timing has to be repeated; ``None`` where it does not. Then nothing was decided by speed,
    # and the fastest is not named.
    retime: Message | None = None


_ORDER = {
    Preference.FASTEST: ("speed", "accuracy", "size"),
    Preference.SMALLEST: ("size", "accuracy", "speed"),
    Preference.MOST_ACCURATE: ("accuracy", "speed", "size"),
}
"""What is compared first, second and third."""


def recommend(results: Results, limits: Limits) -> Recommendation:
    """Picks the variant to ship, and says why not the others; ``StoreError`` without answers."""
    reasons: dict[str, Message] = {}
    candidates = []
    for variant in results.variants.values():
        reason = unfit(variant) or beyond(variant, limits)
        if reason:
            reasons[variant.name] = reason
        else:
            candidates.append(variant)
    # Of equals the first is taken, and training is the hardest way to make one.
    candidates.sort(key=lambda variant: get_variant(variant.name).trained)
    compared = [*candidates, *_untold(results, limits)]
    retime = retiming(results, compared, limits.threads) if compared else None
    if retime and limits.prefer is Preference.FASTEST and len(compared) > 1:
        reasons |= {each.name: say("untold") for each in candidates}
        return Recommendation(
            chosen=None, others=_others(results, None, candidates, reasons), cautions=(retime,),
            retime=retime,
        )  # fmt: skip
    order = tuple(name for name in _ORDER[limits.prefer] if not (retime and name == "speed"))
    lost = _eliminate(results, limits, candidates, order)
    reasons |= lost
    left = [variant for variant in candidates if variant.name not in lost]
    winner = left[0] if left else None
    others = _others(results, winner, candidates, reasons)
    told = (retime,) if retime else ()
    if winner is None:
        return Recommendation(chosen=None, others=others, cautions=told, retime=retime)
    reason = gain(results, winner, limits.threads)
    chosen = Verdict(name=winner.name, fits=True, reason=reason)
    found = doubts(results, winner, limits.threads)
    if not retime:
        found += remarks(results, winner, limits.threads)
    return Recommendation(chosen=chosen, others=others, cautions=(*told, *found), retime=retime)


def _untold(results: Results, limits: Limits) -> list[VariantResult]:
    """Returns the variants that may keep to a limit on latency that nobody can judge."""
    if limits.latency_ms is None:
        return []
    free = replace(limits, latency_ms=None)
    found = []
    for variant in results.variants.values():
        timing = variant.timing(limits.threads)
        if timing is not None and timing.disturbed and not unfit(variant):
            found += [] if beyond(variant, free) else [variant]
    return found


def _others(
    results: Results,
    winner: VariantResult | None,
    candidates: list[VariantResult],
    reasons: dict[str, Message],
) -> tuple[Verdict, ...]:
    fitting = {variant.name for variant in candidates}
    return tuple(
        Verdict(name=variant.name, fits=variant.name in fitting, reason=reasons[variant.name])
        for variant in results.variants.values()
        if variant is not winner
    )


def _eliminate(
    results: Results, limits: Limits, left: list[VariantResult], order: tuple[str, ...]
) -> dict[str, Message]:
    """Returns why each candidate but the best lost, in the order they are given."""
    judges: dict[str, tuple[Judge, Callable[[VariantResult], float]]] = {
        "speed": (by_speed(limits.threads), lambda variant: slowness(results, variant, limits)),
        "size": (by_size, lambda variant: variant.file.size_bytes),
        "accuracy": (by_accuracy(results), drop_of),
    }
    beaten: dict[str, tuple[VariantResult, VariantResult, int]] = {}
    for step, name in enumerate(order):
        judge, key = judges[name]
        best = min(left, key=key, default=None)
        if best is not None:
            worse = [other for other in left if other is not best and judge(other, best)]
            beaten |= {other.name: (other, best, step) for other in worse}
            left = [other for other in left if other not in worse]
    reasons, fits = {}, say("within" if limits.any else "usable")
    for name, (loser, best, step) in beaten.items():
        judge = judges[order[step]][0]
        # Against the one that is recommended, where it is told from that one as well.
        why = judge(loser, left[0]) or judge(loser, best)
        beaten_key = "beaten_later" if step else "beaten"
        reasons[name] = say(beaten_key, fits=fits, equal=order[:step], why=why)
    for loser in left[1:]:
        why = easier(left[0], loser)
        reasons[loser.name] = say("tied", fits=fits, best=left[0].name, easier=why)
    return reasons


USUAL_DROP_POINTS = 1.0  # percentage points of top-1 most people would give for a small fast file
USUAL_UNLIKE_PERCENT = 5.0  # without labels: share of answers unlike float32's


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What a run found, for somebody who reads nothing else."""

    message: Message
    cautions: tuple[Message, ...] = ()
    # Whether nothing touches the numbers of the text: no failed check, no busy machine, no files
    # timed separately, not too few photos.
    sure: bool = False
    # The variant it recommends; ``None`` where none passed its checks, where timing has to be
    # repeated, or where the float model itself has nothing to do with the labels.
    variant: str | None = None
    retime: bool = False  # whether timing has to be repeated: it was disturbed

    @property
    def text(self) -> str:
        """The outcome in words."""
        return self.message.text


def headline(results: Results, threads: int | None = None) -> Headline:
    """Says which variant a run recommends within the usual loss, and whether that is certain."""
    failed = {gate.name: gate for gate in results.baseline.failed_gates}
    wrong = failed.get(answers_fit_labels.NAME)
    if wrong is not None:  # whatever a variant gains or loses against it means nothing
        return Headline(message=say("useless", gate=wrong))
    count = results.threads[0] if threads is None else threads
    # A small fast file that is wrong is no gain: what loses more than most people would accept is
    # not recommended by a sentence that nobody asked for.
    labelled = results.baseline.accuracy.top1 is not None
    drop = USUAL_DROP_POINTS if labelled else USUAL_UNLIKE_PERCENT
    found = recommend(results, Limits(threads=count, drop_points=drop))
    retime = found.retime is not None
    if found.chosen is None:
        key = "must_retime" if retime else "none"
        return Headline(message=say(key), cautions=found.cautions, retime=retime)
    name, facts = found.chosen.name, {"variant": found.chosen.name}
    if len(results.variants) == 1:
        message = say("alone", **facts)
    elif name == results.baseline.name:
        message = say("stay", threads=count, **facts)
    else:
        message = say("recommended", gain=found.chosen.reason, **facts)
    return Headline(
        message=message,
        cautions=found.cautions,
        sure=not retime and not doubts(results, results.variants[name], count),
        variant=name,
        retime=retime,
    )
