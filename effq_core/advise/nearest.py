"""Where no variant keeps to the limits: the one that comes nearest, and what it would need."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effq_core.advise.reasons import Limits, drop_of, unfit
from effq_core.base import formatting as fmt
from effq_core.results.document import Results, VariantResult


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The variant that comes nearest to limits it does not keep to.

    Attributes:
        text: What it needs, one sentence.
        limits: The limits loosened just so far that it keeps to them.
    """

    name: str
    title: str
    text: str
    limits: Limits


def nearest(results: Results, limits: Limits) -> Nearest | None:
    """Finds the variant whose excesses, as shares of the limits, add up to the least.

    ``None`` where no variant may be shipped at all, or only untimed ones.
    """
    found = [
        (excess, variant)
        for variant in results.variants.values()
        if not unfit(variant) and (excess := _excess(variant, limits)) is not None
    ]
    if not found:
        return None
    _, variant = min(found, key=lambda entry: entry[0])
    return Nearest(
        name=variant.name,
        title=variant.title,
        text=f"{variant.title} comes nearest: it needs {_needs(variant, limits)}.",
        limits=_loosened(variant, limits),
    )


def _excess(variant: VariantResult, limits: Limits) -> float | None:
    """Adds up by which share of each limit a variant is beyond it."""
    total = 0.0
    if limits.size_kib is not None:
        total += max(0.0, variant.file.size_kib / limits.size_kib - 1)
    if limits.latency_ms is not None:
        timing = variant.timing(limits.threads)
        if timing is None or timing.disturbed:
            return None
        total += max(0.0, timing.median_ms / limits.latency_ms - 1)
    if limits.drop_points is not None:
        beyond = drop_of(variant, certain=limits.certain) - limits.drop_points
        # A share of no drop at all would be infinite: a point counts as much as the limit.
        total += max(0.0, beyond / max(1.0, limits.drop_points))
    return total


def _needs(variant: VariantResult, limits: Limits) -> str:
    """Lists what a variant has where it is beyond a limit."""
    found = []
    if limits.size_kib is not None and variant.file.size_kib > limits.size_kib:
        found.append(fmt.kib(variant.file.size_bytes))
    timing = variant.timing(limits.threads)
    slow = timing is not None and timing.median_ms > (limits.latency_ms or float("inf"))
    if timing is not None and slow:
        found.append(fmt.milliseconds(timing.median_ms))
    if limits.drop_points is not None:
        drop = drop_of(variant, certain=limits.certain)
        if drop > limits.drop_points:
            what = "of other answers" if variant.accuracy.top1 is None else "of top-1"
            far = " at the far end of its interval" if limits.certain else ""
            found.append(f"{fmt.points(drop).lstrip('+')} {what}{far}")
    return " and ".join(found)


def _loosened(variant: VariantResult, limits: Limits) -> Limits:
    timing = variant.timing(limits.threads)
    loose = limits
    if limits.size_kib is not None:
        loose = replace(loose, size_kib=max(limits.size_kib, variant.file.size_kib))
    if limits.latency_ms is not None and timing is not None:
        loose = replace(loose, latency_ms=max(limits.latency_ms, timing.median_ms))
    if limits.drop_points is not None:
        drop = drop_of(variant, certain=limits.certain)
        loose = replace(loose, drop_points=max(limits.drop_points, drop))
    return loose
