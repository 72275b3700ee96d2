"""What speaks against the numbers a recommendation rests on. Pure functions.

Doubts make the verdict itself uncertain; remarks are worth knowing and leave it standing.
"""

from __future__ import annotations

from effq_core import formatting as fmt
from effq_core.measure.gate_wording import gate_title, plainly
from effq_core.measure.intervals import SIGNIFICANCE
from effq_core.measure.latency import LatencyReport
from effq_core.measure.statistics import Comparison
from effq_core.results.document import Results, VariantResult

UNEVEN = 1.3
"""A tenth of the invocations taking this many times the median or more is no calm machine: where
nothing else runs, it stays below 1.2."""
SAME_SPEEDUP = 0.10
"""A speed-up by the fastest invocations within this share of the one by the medians confirms it:
whatever disturbed the others did not decide it."""


def is_uneven(timing: LatencyReport) -> bool:
    """Returns whether a tenth of the invocations took much longer than the median."""
    return timing.p90_ms >= UNEVEN * timing.median_ms


def doubts(results: Results, variant: VariantResult, threads: int) -> tuple[str, ...]:
    """Says why a variant's gain and loss against float32 may not be as they seem.

    Args:
        results: The run's.
        variant: The variant.
        threads: Thread count of the latency.

    Returns:
        Sentences on failed checks, too few photos, a busy machine.
    """
    found = [
        f"A check of the photos failed ({gate_title(gate.name)}): {plainly(gate.detail)}"
        for gate in results.gates
        if not gate.passed
    ]
    for judged in _both(results, variant):
        found += [
            f"{judged.title} failed a check ({gate_title(gate.name)}): {plainly(gate.detail)}"
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
    found += _busy(_timed(results, variant, threads))
    found += _unconfirmed(results, variant, threads)
    return tuple(found)


def loses_for_sure(comparison: Comparison) -> bool:
    """Returns whether a variant is worse than float32 by more than chance would do."""
    p, difference = comparison.p, comparison.difference_points
    return p is not None and difference is not None and p < SIGNIFICANCE and difference < 0


def remarks(results: Results, variant: VariantResult, threads: int) -> tuple[str, ...]:
    """Says what is worth knowing about a variant's numbers and does not change the verdict.

    Args:
        results: The run's.
        variant: The variant.
        threads: Thread count of the latency.

    Returns:
        Sentences.
    """
    uneven = [
        (name, timing) for name, timing in _timed(results, variant, threads) if is_uneven(timing)
    ]
    if not uneven or _unconfirmed(results, variant, threads):
        return ()
    found = [uneven_text(name, timing) for name, timing in uneven]
    fastest = _fastest_speedup(results, variant, threads)
    if fastest is not None:
        found[-1] += f" The fastest ones give the same picture: {fmt.ratio(fastest)} faster."
    return tuple(found)


def disturbances(results: Results, threads: int) -> tuple[str, ...]:
    """Says which timings of a run were disturbed.

    Args:
        results: The run's.
        threads: Thread count of the latency.

    Returns:
        Sentences on busy and on uneven timings of every variant; none where all were calm.
    """
    timed = [(each.title, each.timing(threads)) for each in results.variants.values()]
    known = [(title, timing) for title, timing in timed if timing is not None]
    uneven = [uneven_text(title, timing) for title, timing in known if is_uneven(timing)]
    return (*_busy(known), *uneven)


def uneven_text(title: str, timing: LatencyReport) -> str:
    """Says that a timing was uneven.

    Args:
        title: The variant's name for people.
        timing: Its timing.

    Returns:
        One sentence.
    """
    return (
        f"The timing of {title} was uneven: half of its invocations took "
        f"{fmt.milliseconds(timing.median_ms)} or less, but one in ten "
        f"{fmt.milliseconds(timing.p90_ms)} or more."
    )


def _both(results: Results, variant: VariantResult) -> list[VariantResult]:
    """Returns what the numbers are a ratio or a difference of: float32 and the variant."""
    return list({each.name: each for each in (results.baseline, variant)}.values())


def _timed(
    results: Results, variant: VariantResult, threads: int
) -> list[tuple[str, LatencyReport]]:
    found = [(each.title, each.timing(threads)) for each in _both(results, variant)]
    return [(title, timing) for title, timing in found if timing is not None]


def _busy(timed: list[tuple[str, LatencyReport]]) -> list[str]:
    busy = [(title, timing) for title, timing in timed if timing.warning]
    if not busy:
        return []
    names = _listed([title for title, _ in busy])
    verb = "was" if len(busy) == 1 else "were"
    share = fmt.percent(max(timing.others_share for _, timing in busy), 0)
    return [
        f"{names} {verb} timed on a busy machine (other programs used up to {share} of the "
        "processor): the times are too long and the speed-up may be wrong. Close other programs "
        "and measure again."
    ]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _fastest_speedup(results: Results, variant: VariantResult, threads: int) -> float | None:
    own, other = variant.timing(threads), results.baseline.timing(threads)
    if own is None or other is None or variant.name == results.baseline.name:
        return None
    return other.min_ms / own.min_ms


def _unconfirmed(results: Results, variant: VariantResult, threads: int) -> list[str]:
    """Doubts a speed-up of uneven timings that the fastest invocations do not confirm."""
    timed = _timed(results, variant, threads)
    fastest, by_median = (
        _fastest_speedup(results, variant, threads),
        results.speedup(variant.name, threads),
    )
    uneven = [title for title, timing in timed if is_uneven(timing)]
    if fastest is None or by_median is None or not uneven:
        return []
    if abs(fastest / by_median - 1) <= SAME_SPEEDUP:
        return []
    return [
        f"The timing of {' and '.join(uneven)} was uneven: by the medians the speed-up is "
        f"{fmt.ratio(by_median)}, by the fastest invocations {fmt.ratio(fastest)}. Measure again "
        "on a calm machine."
    ]
