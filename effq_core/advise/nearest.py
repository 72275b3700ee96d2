"""Where no variant keeps to the limits: the one that comes nearest, and what it would need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from effq_core.advise.message import Message, say
from effq_core.advise.reasons import Limits, drop_of, unfit
from effq_core.results.document import Results, VariantResult


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The variant that comes nearest to limits it does not keep to."""

    name: str
    message: Message  # what it needs
    limits: Limits  # the limits loosened just so far that it keeps to them


def nearest(results: Results, limits: Limits) -> Nearest | None:
    """Finds the variant whose excesses, as shares of the limits, add up to the least.

    ``None`` where no variant may be shipped at all, or only untimed ones.
    """
    found = [
        (sum(max(0.0, each.has - each.limit) / each.unit for each in demands), variant, demands)
        for variant in results.variants.values()
        if not unfit(variant) and (demands := _demands(variant, limits)) is not None
    ]
    if not found:
        return None
    _, variant, demands = min(found, key=lambda entry: entry[0])
    loosened: dict[str, Any] = {each.name: max(each.limit, each.has) for each in demands}
    needs = tuple(each.message for each in demands if each.has > each.limit)
    return Nearest(
        name=variant.name,
        message=say("nearest", variant=variant.name, needs=needs),
        limits=replace(limits, **loosened),
    )


class _Demand(NamedTuple):
    """A limit by its name, what a variant has there, and what counts as one excess."""

    name: str
    limit: float
    has: float
    unit: float
    message: Message


def _demands(variant: VariantResult, limits: Limits) -> list[_Demand] | None:
    """Sets a variant against each limit; ``None`` where its latency cannot be judged."""
    found = []
    if (limit := limits.size_kib) is not None:
        need = say("needs_size", size=variant.file.size_bytes)
        found.append(_Demand("size_kib", limit, variant.file.size_kib, limit, need))
    if (limit := limits.latency_ms) is not None:
        timing = variant.timing(limits.threads)
        if timing is None or timing.disturbed:
            return None
        need = say("needs_ms", ms=timing.median_ms)
        found.append(_Demand("latency_ms", limit, timing.median_ms, limit, need))
    if (limit := limits.drop_points) is not None:
        drop = drop_of(variant, certain=limits.certain)
        key = "needs_unlike" if variant.accuracy.top1 is None else "needs_drop"
        need = say(key, lost=drop, certain=limits.certain)
        # A share of no drop at all would be infinite: a point counts as much as the limit.
        found.append(_Demand("drop_points", limit, drop, max(1.0, limit), need))
    return found
