"""Doubts make a recommendation uncertain, remarks leave it standing. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from effq_core.advise.message import Message, say
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.measure.latency import LatencyReport, Ratio
from effq_core.measure.statistics import Comparison
from effq_core.results.document import Results, VariantResult

UNEVEN = 1.3  # × the median, taken by a tenth of invocations; a calm machine stays below 1.2
SAME_SPEEDUP = 0.15  # share of its median within which a speed-up is steady


def is_uneven(timing: LatencyReport) -> bool:
    """Returns whether a tenth of the invocations took much longer than the median."""
    return timing.p90_ms >= UNEVEN * timing.median_ms


def doubts(results: Results, variant: VariantResult, threads: int) -> tuple[Message, ...]:
    """Says why gain and loss may not be as they seem: checks, few photos, unsteady speed-ups."""
    found = [say("photos_failed", gate=gate) for gate in results.gates if not gate.passed]
    for judged in _with_baseline(results, [variant]):
        found += [
            say("variant_failed", variant=judged.name, gate=gate) for gate in judged.failed_gates
        ]
    comparison = variant.comparison
    if comparison is not None and comparison.too_small_to_tell:
        low, high = comparison.low_points, comparison.high_points
        found.append(say("too_few", n=comparison.n, low=low, high=high))
    if comparison is not None and loses_for_sure(comparison):
        found.append(say("real_loss", lost=-(comparison.difference_points or 0.0), p=comparison.p))
    return (*found, *_speed_doubts(results, variant, threads))


def loses_for_sure(comparison: Comparison) -> bool:
    """Returns whether a variant is significantly worse than float32."""
    p, difference = comparison.p, comparison.difference_points
    return p is not None and difference is not None and p < SIGNIFICANCE and difference < 0


def remarks(results: Results, variant: VariantResult, threads: int) -> tuple[Message, ...]:
    """Says what is worth knowing about a variant's numbers and does not change the verdict."""
    ratio = results.speedup(variant.name, threads)
    if ratio is None or variant.name == results.baseline.name:
        return ()
    found = _uneven(_timed([results.baseline, variant], threads))
    if found and not _speed_doubts(results, variant, threads):
        found.append(_rounds("steady", ratio))
    return tuple(found)


def retiming(results: Results, variants: Iterable[VariantResult], threads: int) -> Message | None:
    """Says that timing has to be repeated, where these or float32 were disturbed."""
    busy = _busy(_timed(_with_baseline(results, variants), threads))
    return say("retime", busy=busy[0]) if busy else None


def disturbances(results: Results, threads: int) -> tuple[Message, ...]:
    """Says which timings of a run were busy or uneven; nothing where all were calm."""
    timed = _timed(results.variants.values(), threads)
    return (*_busy(timed), *_uneven(timed))


_Timed = dict[str, LatencyReport]


def _with_baseline(results: Results, variants: Iterable[VariantResult]) -> Iterable[VariantResult]:
    """Returns what numbers are a ratio or a difference of: float32 and the variants."""
    return {each.name: each for each in (results.baseline, *variants)}.values()


def _timed(variants: Iterable[VariantResult], threads: int) -> _Timed:
    found = {each.name: each.timing(threads) for each in variants}
    return {name: timing for name, timing in found.items() if timing is not None}


def _uneven(timed: _Timed) -> list[Message]:
    return [
        say("uneven", variant=name, median=timing.median_ms, p90=timing.p90_ms)
        for name, timing in timed.items()
        if is_uneven(timing)
    ]


def _busy(timed: _Timed) -> list[Message]:
    busy = {name: timing.others_share for name, timing in timed.items() if timing.disturbed}
    return [say("busy", variants=tuple(busy), share=max(busy.values()))] if busy else []


def _rounds(key: str, ratio: Ratio) -> Message:
    return say(key, low=ratio.low, high=ratio.high, rounds=ratio.rounds)


def _speed_doubts(results: Results, variant: VariantResult, threads: int) -> list[Message]:
    """Doubts a speed-up that was not the same in all rounds, or of files timed separately."""
    ratio, baseline = results.speedup(variant.name, threads), results.baseline.name
    if ratio is None or ratio.disturbed or variant.name == baseline:
        return []
    if not ratio.together:
        key = "separate_reference" if results.is_reference else "separate"
        return [say(key, variant=variant.name, baseline=baseline)]
    if max(ratio.high / ratio.times, ratio.times / ratio.low) <= 1 + SAME_SPEEDUP:
        return []
    return [_rounds("unsteady", ratio)]
