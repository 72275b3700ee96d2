"""Where each variant stands between accuracy and cost, and which ones nothing beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core.experiment.variants import get_variant
from effq_core.results.document import Results, VariantResult


class Against(StrEnum):
    """What accuracy is set against."""

    SIZE = "size"
    LATENCY = "latency"


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One variant's place in the chart, with the ends of its 95 % intervals.

    Attributes:
        x: Size in KiB or median latency in ms.
        y: Top-1, or without labels the agreement with float32, in per cent.
        eligible: Whether it may be on the front: no control, and no failed gate.
    """

    name: str
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    eligible: bool = True


def spots(results: Results, against: Against, *, threads: int = 1) -> list[Spot]:
    """Places the variants of a run; not those that were not timed with that many threads."""
    found = []
    for variant in results.variants.values():
        across = _across(variant, against, threads)
        if across is not None:
            low, high, x = across
            y, y_low, y_high = _quality(variant)
            found.append(
                Spot(
                    name=variant.name,
                    x=x,
                    x_low=low,
                    x_high=high,
                    y=y,
                    y_low=y_low,
                    y_high=y_high,
                    eligible=_counts(variant, against, threads),
                )
            )
    return found


def pareto(places: Sequence[Spot]) -> list[Spot]:
    """Finds the eligible variants no other one beats on both axes at once, by rising x."""
    eligible = [spot for spot in places if spot.eligible]
    front = [
        spot
        for spot in eligible
        if not any(
            other.x <= spot.x and other.y >= spot.y and (other.x < spot.x or other.y > spot.y)
            for other in eligible
        )
    ]
    return sorted(front, key=lambda spot: (spot.x, spot.y))


def _counts(variant: VariantResult, against: Against, threads: int) -> bool:
    """Returns whether a variant may stand on the front or keep others off it."""
    timing = variant.timing(threads) if against is Against.LATENCY else None
    disturbed = timing is not None and timing.disturbed
    is_control = get_variant(variant.name).is_control
    return not (is_control or variant.failed_gates or disturbed)


def _across(
    variant: VariantResult, against: Against, threads: int
) -> tuple[float, float, float] | None:
    """Returns the interval's ends and the value on the x axis."""
    if against is Against.SIZE:
        size = variant.file.size_kib
        return size, size, size
    timing = variant.timing(threads)
    if timing is None:
        return None
    return timing.median_low_ms, timing.median_high_ms, timing.median_ms


def _quality(variant: VariantResult) -> tuple[float, float, float]:
    share = variant.accuracy.top1
    if share is None:
        if variant.comparison is None:  # float32 agrees with itself
            return 100.0, 100.0, 100.0
        share = variant.comparison.agreement
    return 100 * share.share, 100 * share.low, 100 * share.high


def quality_title(results: Results) -> str:
    """Names what the y axis shows: accuracy, or without labels the agreement with float32."""
    return "Same answer as float32" if results.baseline.accuracy.top1 is None else "Top-1 accuracy"
