"""Which variant to ship within given limits, and why not the others. Pure functions.

Controls are never recommended, nor is a variant that failed a gate. Of the rest, those within the
limits are compared on one property after the other, in the order the user prefers. A property only
decides where the measurements tell two variants apart; what is left at the end is equal as far as
this run can tell, and the one that is easiest to make is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from effq_core.recommend_cautions import doubts, remarks
from effq_core.recommend_reasons import (
    Judge,
    Limits,
    Preference,
    beyond,
    by_accuracy,
    by_size,
    by_speed,
    drop_of,
    easier,
    median_ms,
    praise,
    unfit,
)
from effq_core.results.document import Results, VariantResult
from effq_core.variants import get_variant

__all__ = ["Limits", "Preference", "Recommendation", "Verdict", "drop_of", "praise", "recommend"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided on one variant.

    Attributes:
        name: The variant's.
        title: Its name for people.
        fits: Whether it keeps to the limits and may be shipped at all.
        reason: Why it was chosen or lost, one sentence.
    """

    name: str
    title: str
    fits: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The variant to ship.

    Attributes:
        chosen: Its verdict; ``None`` where no variant keeps to the limits.
        others: Verdicts of all others, in the catalogue's order.
        cautions: What to keep in mind, as sentences.
    """

    chosen: Verdict | None
    others: tuple[Verdict, ...]
    cautions: tuple[str, ...]


_ORDER = {
    Preference.FASTEST: ("speed", "accuracy", "size"),
    Preference.SMALLEST: ("size", "accuracy", "speed"),
    Preference.MOST_ACCURATE: ("accuracy", "speed", "size"),
}
"""What is compared first, second and third."""


def recommend(results: Results, limits: Limits) -> Recommendation:
    """Picks the variant to ship.

    Args:
        results: The run's.
        limits: What it must keep to, and what to prefer.

    Returns:
        The variant, and one sentence for each other one.

    Raises:
        StoreError: If stored answers are missing.
    """
    reasons: dict[str, str] = {}
    candidates = []
    for variant in results.variants.values():
        reason = unfit(variant) or beyond(variant, limits)
        if reason:
            reasons[variant.name] = reason
        else:
            candidates.append(variant)
    # Of equals the first is taken, and training is the hardest way to make one.
    candidates.sort(key=lambda variant: get_variant(variant.name).trained)
    lost = _eliminate(results, limits, candidates)
    reasons |= lost
    left = [variant for variant in candidates if variant.name not in lost]
    winner = left[0] if left else None
    fitting = {variant.name for variant in candidates}
    others = tuple(
        Verdict(
            name=variant.name,
            title=variant.title,
            fits=variant.name in fitting,
            reason=reasons[variant.name],
        )
        for variant in results.variants.values()
        if variant is not winner
    )
    if winner is None:
        return Recommendation(chosen=None, others=others, cautions=())
    chosen = Verdict(
        name=winner.name, title=winner.title, fits=True, reason=praise(results, winner, limits)
    )
    found = doubts(results, winner, limits.threads) + remarks(results, winner, limits.threads)
    return Recommendation(chosen=chosen, others=others, cautions=found)


def _eliminate(results: Results, limits: Limits, left: list[VariantResult]) -> dict[str, str]:
    """Returns why each candidate but the best lost, in the order they are given."""
    judges: dict[str, tuple[Judge, Callable[[VariantResult], float]]] = {
        "speed": (by_speed(limits.threads), lambda variant: median_ms(variant, limits.threads)),
        "size": (by_size, lambda variant: variant.file.size_bytes),
        "accuracy": (by_accuracy(results), drop_of),
    }
    beaten: dict[str, tuple[VariantResult, VariantResult, int]] = {}
    order = _ORDER[limits.prefer]
    for step, name in enumerate(order):
        judge, key = judges[name]
        best = min(left, key=key, default=None)
        if best is not None:
            worse = [other for other in left if other is not best and judge(other, best)]
            beaten |= {other.name: (other, best, step) for other in worse}
            left = [other for other in left if other not in worse]
    reasons, fits = {}, "Within the limits" if limits.any else "Usable"
    for name, (loser, best, step) in beaten.items():
        judge = judges[order[step]][0]
        # Against the one that is recommended, where it is told from that one as well.
        why = judge(loser, left[0]) or judge(loser, best)
        same = f", of equal {' and '.join(order[:step])}" if step else ""
        reasons[name] = f"{fits}{same}, but {why}."
    for loser in left[1:]:
        reasons[loser.name] = (
            f"{fits}, and this run cannot tell it from {left[0].title}, which is "
            f"{easier(left[0], loser)}."
        )
    return reasons
