"""Limits on a variant, why one keeps to them, wins or loses, and which comes nearest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from effq_core.advise.message import Message, say
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.experiment.variants import get_variant, is_ready
from effq_core.measure.latency import ratio_of
from effq_core.measure.statistics import Comparison
from effq_core.results.document import Results, VariantResult
from effq_core.results.pairs import compare_pair

SAME_SIZE = 0.02  # sizes closer than this share of each other count as equal
SAME_SPEED = 0.05  # times closer count as equal: a file started again differs by as much


class Preference(StrEnum):
    """What to prefer among the variants within the limits."""

    FASTEST = "fastest"
    SMALLEST = "smallest"
    MOST_ACCURATE = "most_accurate"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to; ``None`` is no limit."""

    threads: int  # thread count of the latency, a median
    size_kib: float | None = None
    latency_ms: float | None = None
    # Largest loss of top-1 against float32 in percentage points; of photos without labels the
    # largest share of answers that are not float32's.
    drop_points: float | None = None
    certain: bool = False  # whether the worst case of the loss's 95 % interval must keep to it, too
    prefer: Preference = Preference.FASTEST

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return not (self.size_kib is self.latency_ms is self.drop_points is None)


def gain(results: Results, variant: VariantResult, threads: int) -> Message:
    """Says what a variant gains and loses against float32."""
    if variant.comparison is None:
        return say("trained")
    key, facts = "gain", {"smaller": variant.compression, "loss": _loss(variant.comparison)}
    ratio = results.speedup(variant.name, threads)
    if ratio is not None and not ratio.disturbed:
        same = abs(ratio.times - 1) <= SAME_SPEED
        key = "gain_same" if same else "gain_faster" if ratio.times > 1 else "gain_slower"
        facts |= {"times": ratio.times, "threads": threads}
    return say(key, **facts)


def _loss(comparison: Comparison) -> Message:
    """Says what a variant loses against float32."""
    p, difference = comparison.p, comparison.difference_points
    if difference is None or p is None:
        return say("agreement", share=comparison.agreement.share, n=comparison.n)
    real = "worse" if difference < 0 else "better"
    key = "chance" if p >= SIGNIFICANCE else real
    return say(key, difference=difference, p=p, n=comparison.n)


def unfit(variant: VariantResult) -> Message | None:
    """Says why a variant may not be shipped at all; ``None`` where it may."""
    if is_ready(variant.name):
        return say("your_file")
    if get_variant(variant.name).is_control:
        return say("control", variant=variant.name)
    failed = variant.failed_gates
    return say("failed", gate=failed[0]) if failed else None


def drop_of(variant: VariantResult, *, certain: bool = False) -> float:
    """Returns what a variant loses against float32, in percentage points of top-1.

    Below zero where it gains; without labels the share of answers that differ. ``certain`` takes
    the worst case of the 95 % interval instead of the measured value.
    """
    comparison = variant.comparison
    if comparison is None:
        return 0.0
    if comparison.difference_points is None or comparison.low_points is None:
        agreement = comparison.agreement
        return 100 * (1 - (agreement.low if certain else agreement.share))
    return -(comparison.low_points if certain else comparison.difference_points)


def beyond(variant: VariantResult, limits: Limits) -> Message | None:
    """Says which limits a variant does not keep to; ``None`` where it keeps to all."""
    found = []
    if limits.size_kib is not None and variant.file.size_kib > limits.size_kib:
        most = 1024 * limits.size_kib
        found.append(say("too_large", size=variant.file.size_bytes, limit=most))
    if limits.latency_ms is not None:
        timing = variant.timing(limits.threads)
        if timing is None:
            found.append(say("untimed", threads=limits.threads))
        elif timing.disturbed:
            found.append(say("disturbed"))
        elif timing.median_ms > limits.latency_ms:
            facts = {"ms": timing.median_ms, "limit": limits.latency_ms}
            found.append(say("too_slow", threads=limits.threads, **facts))
    if limits.drop_points is not None and variant.comparison is not None:
        drop = drop_of(variant, certain=limits.certain)
        if drop > limits.drop_points + 1e-9:
            key = "too_unlike" if variant.accuracy.top1 is None else "too_lossy"
            facts = {"lost": drop, "limit": limits.drop_points, "certain": limits.certain}
            found.append(say(key, **facts))
    return say("beyond", limits=tuple(found)) if found else None


Judge = Callable[[VariantResult, VariantResult], Message | None]
"""Says in what a variant is told to be worse than the best one; ``None`` where they are equal."""


def slowness(results: Results, variant: VariantResult, limits: Limits) -> float:
    """Returns how many times as long as float32 a variant takes; infinity where untimed."""
    ratio = results.speedup(variant.name, limits.threads)
    return float("inf") if ratio is None else 1 / ratio.times


def by_speed(threads: int) -> Judge:
    """Makes the judge of latency at a thread count; of timings that were not disturbed."""

    def judge(variant: VariantResult, best: VariantResult) -> Message | None:
        own, other = variant.timing(threads), best.timing(threads)
        if other is None:
            return None
        if own is None:
            return say("untimed", threads=threads)
        ratio = ratio_of(own, other)
        if ratio.times <= 1 + SAME_SPEED or ratio.low <= 1:
            return None
        return say("slower", best=best.name, ms=own.median_ms, best_ms=other.median_ms)

    return judge


def by_size(variant: VariantResult, best: VariantResult) -> Message | None:
    """Judges sizes: see :data:`Judge`."""
    own, other = variant.file.size_bytes, best.file.size_bytes
    if own <= (1 + SAME_SIZE) * other:
        return None
    return say("larger", best=best.name, size=own, best_size=other)


def by_accuracy(results: Results) -> Judge:
    """Makes the judge of accuracy: the exact McNemar test on the stored answers."""

    def judge(variant: VariantResult, best: VariantResult) -> Message | None:
        comparison = compare_pair(results, best.name, variant.name).comparison
        if comparison.p is None:
            own, other = variant.comparison, best.comparison
            if own is None or (other is not None and own.agreement.high >= other.agreement.low):
                return None
            return say("less_alike", share=own.agreement.share, n=own.n)
        if comparison.p >= SIGNIFICANCE:
            return None
        difference = comparison.difference_points
        return say("less_accurate", best=best.name, difference=difference, p=comparison.p)

    return judge


def easier(winner: VariantResult, loser: VariantResult) -> Message:
    """Says why the first of two variants that cannot be told apart is taken."""
    if get_variant(loser.name).trained and not get_variant(winner.name).trained:
        return say("no_training")
    if get_variant(loser.name).needs_calibration and not get_variant(winner.name).needs_calibration:
        return say("no_calibration")
    return say("simpler")


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The variant that comes nearest to limits it does not keep to."""

    name: str
    message: Message  # what it needs
    limits: Limits  # the limits loosened just so far that it keeps to them


def nearest(results: Results, limits: Limits) -> Nearest | None:
    """Finds the least sum of excesses, as shares of limits; ``None`` if none may be shipped."""
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
