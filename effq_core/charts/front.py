"""Where each variant stands between accuracy and cost, and which ones nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core.charts.base import median_of
from effq_core.experiment.variants import get_variant
from effq_core.results.document import Results, VariantResult


class Against(StrEnum):
    """What accuracy is set against."""

    SIZE = "size"
    LATENCY = "latency"


@dataclass(frozen=True)
class Spot:
    """One variant's place in the chart, with the ends of its 95 % intervals."""

    name: str
    x: float  # size in KiB or median latency in ms
    x_low: float
    x_high: float
    y: float  # top-1, or without labels the agreement with float32, in per cent
    y_low: float
    y_high: float
    eligible: bool = True  # whether it may be on the front: no control, and no failed gate


def spots(results: Results, against: Against, *, threads: int = 1) -> list[Spot]:
    """Places the variants of a run; not those that were not timed with that many threads."""
    return [
        Spot(variant.name, *across, *_quality(variant), _counts(variant, against, threads))
        for variant in results.variants.values()
        if (across := _across(variant, against, threads)) is not None
    ]


def pareto(places: Sequence[Spot]) -> list[Spot]:
    """Finds the eligible variants no other one beats on both axes at once, by rising x."""
    eligible = [spot for spot in places if spot.eligible]
    front = [
        s
        for s in eligible
        if not any(o.x <= s.x and o.y >= s.y and (o.x < s.x or o.y > s.y) for o in eligible)
    ]
    return sorted(front, key=lambda spot: (spot.x, spot.y))


def _counts(variant: VariantResult, against: Against, threads: int) -> bool:
    timing = variant.timing(threads) if against is Against.LATENCY else None
    disturbed = timing is not None and timing.disturbed
    return not (get_variant(variant.name).is_control or variant.failed_gates or disturbed)


def _across(
    variant: VariantResult, against: Against, threads: int
) -> tuple[float, float, float] | None:
    if against is Against.SIZE:
        size = variant.file.size_kib
        return size, size, size
    timing = variant.timing(threads)
    return None if timing is None else median_of(timing)


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
