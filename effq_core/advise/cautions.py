"""What speaks against the numbers a recommendation rests on. Pure functions.

Doubts make the verdict itself uncertain; remarks are worth knowing and leave it standing.
"""

from __future__ import annotations

from collections.abc import Iterable

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.measure.latency import LatencyReport
from effq_core.measure.statistics import Comparison
from effq_core.results.document import Results, VariantResult

UNEVEN = 1.3
"""A tenth of the invocations taking this many times the median or more is no calm machine: where
nothing else runs, it stays below 1.2."""
SAME_SPEEDUP = 0.15
"""A speed-up that stays within this share of its median in every round is steady."""
RETIME = (
    "“Take all latencies anew” on the page Results, or `effq run --remeasure` with the same "
    "choices, times all of them together."
)
"""How timing is repeated."""


def is_uneven(timing: LatencyReport) -> bool:
    """Returns whether a tenth of the invocations took much longer than the median."""
    return timing.p90_ms >= UNEVEN * timing.median_ms


def doubts(results: Results, variant: VariantResult, threads: int) -> tuple[str, ...]:
    """Says why a variant's gain and loss against float32 may not be as they seem.

    Failed checks, too few photos, a speed-up that was unsteady or made from separate timings.
    """
    found = [
        f"A check of the photos failed ({gate.rule.title}): {gate.text}"
        for gate in results.gates
        if not gate.passed
    ]
    for judged in _both(results, variant):
        found += [
            f"{judged.title} failed a check ({gate.rule.title}): {gate.text}"
            for gate in judged.failed_gates
        ]
    comparison = variant.comparison
    if comparison is not None and comparison.too_small_to_tell:
        interval = fmt.points_interval(comparison.low_points, comparison.high_points)
        found.append(
            f"{fmt.counted(comparison.n, 'photo')} are too few to exclude a difference of 1 point: "
            f"the 95 % interval is {interval}."
        )
    if comparison is not None and loses_for_sure(comparison):
        found.append(
            f"The loss of {fmt.points(comparison.difference_points)} against float32 is more than "
            "chance would do."
        )
    return (*found, *_speed_doubts(results, variant, threads))


def loses_for_sure(comparison: Comparison) -> bool:
    """Returns whether a variant is worse than float32 by more than chance would do."""
    p, difference = comparison.p, comparison.difference_points
    return p is not None and difference is not None and p < SIGNIFICANCE and difference < 0


def remarks(results: Results, variant: VariantResult, threads: int) -> tuple[str, ...]:
    """Says what is worth knowing about a variant's numbers and does not change the verdict."""
    ratio = results.speedup(variant.name, threads)
    if ratio is None or variant.name == results.baseline.name:
        return ()
    timed = [(each.title, each.timing(threads)) for each in (results.baseline, variant)]
    found = [uneven_text(name, t) for name, t in timed if t is not None and is_uneven(t)]
    if found and not _speed_doubts(results, variant, threads):
        found[-1] += f" The speed-up was steady: {ratio.interval}."
    return tuple(found)


def retime_text(results: Results, variants: Iterable[VariantResult], threads: int) -> str:
    """Says that timing has to be repeated; empty where neither these nor float32 were disturbed."""
    both = {each.name: each for each in (results.baseline, *variants)}.values()
    known = [(each.title, each.timing(threads)) for each in both]
    busy = _busy([(title, timing) for title, timing in known if timing is not None])
    return f"{busy[0]} {RETIME}" if busy else ""


def disturbances(results: Results, threads: int) -> tuple[str, ...]:
    """Says which timings of a run were busy or uneven; nothing where all were calm."""
    timed = [(each.title, each.timing(threads)) for each in results.variants.values()]
    known = [(title, timing) for title, timing in timed if timing is not None]
    uneven = [uneven_text(title, timing) for title, timing in known if is_uneven(timing)]
    return (*_busy(known), *uneven)


def uneven_text(title: str, timing: LatencyReport) -> str:
    """Says that a timing was uneven."""
    return (
        f"The timing of {title} was uneven: half of its invocations took "
        f"{fmt.milliseconds(timing.median_ms)} or less, but one in ten "
        f"{fmt.milliseconds(timing.p90_ms)} or more."
    )


def _both(results: Results, variant: VariantResult) -> list[VariantResult]:
    """Returns what the numbers are a ratio or a difference of: float32 and the variant."""
    return list({each.name: each for each in (results.baseline, variant)}.values())


def _busy(timed: list[tuple[str, LatencyReport]]) -> list[str]:
    busy = [(title, timing) for title, timing in timed if timing.disturbed]
    if not busy:
        return []
    names = _listed([title for title, _ in busy])
    verb = "was" if len(busy) == 1 else "were"
    share = fmt.percent(max(timing.others_share for _, timing in busy), 0)
    return [
        f"{names} {verb} timed on a busy machine (other programs used up to {share} of the "
        "processor): timing has to be repeated before speeds can be compared."
    ]


def _speed_doubts(results: Results, variant: VariantResult, threads: int) -> list[str]:
    """Doubts a speed-up that was not the same in all rounds, or of files timed separately."""
    ratio = results.speedup(variant.name, threads)
    if ratio is None or ratio.disturbed or variant.name == results.baseline.name:
        return []
    if not ratio.together:
        again = "A run of your own times them together." if results.is_reference else RETIME
        return [
            f"{variant.title} and {results.baseline.title} were timed separately, so what slowed "
            f"one need not have slowed the other. {again}"
        ]
    if max(ratio.high / ratio.times, ratio.times / ratio.low) <= 1 + SAME_SPEEDUP:
        return []
    return [f"The speed-up was not steady: {ratio.interval}. Time again on a calm machine."]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
