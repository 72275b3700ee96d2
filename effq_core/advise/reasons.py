"""Limits on a variant, and the sentences that say why one keeps to them, wins or loses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.experiment.variants import BASELINE, get_variant, is_ready
from effq_core.measure.latency_ratio import ratio_of
from effq_core.results.document import Results, VariantResult
from effq_core.results.pairs import compare_pair

SAME_SIZE = 0.02
"""Sizes closer than this share of each other count as equal."""
SAME_SPEED = 0.05
"""Times closer than this share count as equal, whatever their intervals: another start of the same
file differs by about as much."""


class Preference(StrEnum):
    """What to prefer among the variants within the limits."""

    FASTEST = "fastest"
    SMALLEST = "smallest"
    MOST_ACCURATE = "most_accurate"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to; ``None`` is no limit.

    Attributes:
        threads: Thread count of the latency, a median.
        drop_points: Largest loss of top-1 against float32 in percentage points; of photos without
            labels the largest share of answers that are not float32's.
        certain: Whether the far end of the loss's 95 % interval must keep to it, too.
    """

    threads: int
    size_kib: float | None = None
    latency_ms: float | None = None
    drop_points: float | None = None
    certain: bool = False
    prefer: Preference = Preference.FASTEST

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return not (self.size_kib is self.latency_ms is self.drop_points is None)


def praise(results: Results, variant: VariantResult, limits: Limits) -> str:
    """Says what a variant gains and loses against float32."""
    if variant.name == BASELINE:
        return "The model as trained: nothing is gained and nothing is lost."
    parts = [f"{fmt.ratio(variant.compression)} smaller than float32"]
    ratio = results.speedup(variant.name, limits.threads)
    if ratio is not None and not ratio.disturbed:
        threads = fmt.counted(limits.threads, "thread")
        word = "faster" if ratio.times >= 1 else "as fast"
        parts.append(f"{ratio.text} {word} with {threads}")
    return f"{', '.join(parts)}, {loss(variant)}."


def loss(variant: VariantResult) -> str:
    """Says what a variant loses against float32, as the end of a sentence."""
    comparison = variant.comparison
    if comparison is None:
        return "no loss"
    n = fmt.counted(comparison.n, "photo")
    if comparison.difference_points is None or comparison.p is None:
        share = fmt.percent(comparison.agreement.share)
        return f"and it gives float32's answer for {share} of {n} (no labels, so no accuracy)"
    numbers = f"{fmt.points(comparison.difference_points)}, {fmt.p_value(comparison.p)}"
    if comparison.p >= SIGNIFICANCE:
        return f"with no difference in accuracy that {n} can show ({numbers})"
    word = "worse" if comparison.difference_points < 0 else "better"
    return f"and {word} by more than chance would do on {n} ({numbers})"


def unfit(variant: VariantResult) -> str:
    """Says why a variant may not be shipped at all; nothing where it may."""
    if is_ready(variant.name):
        return "A file you brought, measured beside EffQ's; not one that EffQ can recommend."
    if shows := get_variant(variant.name).explains:
        return f"A control, never recommended: it shows {shows}."
    if failed := variant.failed_gates:
        return f"It failed the check “{failed[0].rule.title}”: {failed[0].text}"
    return ""


def drop_of(variant: VariantResult, *, certain: bool = False) -> float:
    """Returns what a variant loses against float32, in percentage points of top-1.

    Below zero where it gains; without labels the share of answers that differ. ``certain`` takes
    the far end of the 95 % interval instead of the measured value.
    """
    comparison = variant.comparison
    if comparison is None:
        return 0.0
    if comparison.difference_points is None or comparison.low_points is None:
        agreement = comparison.agreement
        return 100 * (1 - (agreement.low if certain else agreement.share))
    return -(comparison.low_points if certain else comparison.difference_points)


def beyond(variant: VariantResult, limits: Limits) -> str:
    """Says which limits a variant does not keep to; nothing where it keeps to all."""
    found = []
    if limits.size_kib is not None and variant.file.size_kib > limits.size_kib:
        size, most = fmt.kib(variant.file.size_bytes), fmt.kib(1024 * limits.size_kib)
        found.append(f"too large ({size}; the limit is {most})")
    if limits.latency_ms is not None:
        timing, threads = variant.timing(limits.threads), fmt.counted(limits.threads, "thread")
        if timing is None:
            found.append(f"not timed with {threads}")
        elif timing.disturbed:
            found.append("disturbed while it was timed, so the limit on latency cannot be judged")
        elif timing.median_ms > limits.latency_ms:
            found.append(
                f"too slow ({fmt.milliseconds(timing.median_ms)} with {threads}; the limit is "
                f"{fmt.milliseconds(limits.latency_ms)})"
            )
    if limits.drop_points is not None and variant.comparison is not None:
        drop = drop_of(variant, certain=limits.certain)
        if drop > limits.drop_points + 1e-9:
            found.append(_loses_too_much(variant, drop, limits))
    sentence = ", ".join(found)
    return f"{sentence[:1].upper()}{sentence[1:]}." if found else ""


def _loses_too_much(variant: VariantResult, drop: float, limits: Limits) -> str:
    limit = fmt.points(limits.drop_points).lstrip("+")
    lost = fmt.points(drop).lstrip("+")
    if variant.accuracy.top1 is None:
        what = f"gives another answer than float32 too often ({lost}"
    else:
        what = f"loses too much accuracy ({lost}"
    if limits.certain:
        what += " at the far end of its 95 % interval"
    return f"{what}; the limit is {limit})"


Judge = Callable[[VariantResult, VariantResult], str]
"""Says in what a variant is told to be worse than the best one; nothing where they are equal."""


def slowness(results: Results, variant: VariantResult, limits: Limits) -> float:
    """Returns how many times as long as float32 a variant takes; infinity where untimed."""
    ratio = results.speedup(variant.name, limits.threads)
    return float("inf") if ratio is None else 1 / ratio.times


def by_speed(threads: int) -> Judge:
    """Makes the judge of latency at a thread count; of timings that were not disturbed."""

    def judge(variant: VariantResult, best: VariantResult) -> str:
        own, other = variant.timing(threads), best.timing(threads)
        if other is None:
            return ""
        if own is None:
            return f"it was not timed with {fmt.counted(threads, 'thread')}"
        ratio = ratio_of(own, other)
        if ratio.times <= 1 + SAME_SPEED or ratio.low <= 1:
            return ""
        return (
            f"slower than {best.title}: {fmt.milliseconds(own.median_ms)} against "
            f"{fmt.milliseconds(other.median_ms)}"
        )

    return judge


def by_size(variant: VariantResult, best: VariantResult) -> str:
    """Judges sizes: see :data:`Judge`."""
    own, other = variant.file.size_bytes, best.file.size_bytes
    if own <= (1 + SAME_SIZE) * other:
        return ""
    return f"larger than {best.title}: {fmt.kib(own)} against {fmt.kib(other)}"


def by_accuracy(results: Results) -> Judge:
    """Makes the judge of accuracy: the exact McNemar test on the stored answers."""

    def judge(variant: VariantResult, best: VariantResult) -> str:
        comparison = compare_pair(results, best.name, variant.name).comparison
        if comparison.p is None:
            own, other = variant.comparison, best.comparison
            if own is None or (other is not None and own.agreement.high >= other.agreement.low):
                return ""
            return (
                f"it gives float32's answer less often: {fmt.percent(own.agreement.share)} of "
                f"{fmt.counted(own.n, 'photo')}"
            )
        if comparison.p >= SIGNIFICANCE:
            return ""
        return (
            f"less accurate than {best.title} by more than chance would do: "
            f"{fmt.points(comparison.difference_points)}, {fmt.p_value(comparison.p)}"
        )

    return judge


def easier(winner: VariantResult, loser: VariantResult) -> str:
    """Says why the first of two variants that cannot be told apart is taken."""
    if get_variant(loser.name).trained and not get_variant(winner.name).trained:
        return "made without any training"
    if get_variant(loser.name).needs_calibration and not get_variant(winner.name).needs_calibration:
        return "made without calibration photos"
    return "the simpler one to make"
