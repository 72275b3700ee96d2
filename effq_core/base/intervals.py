"""Intervals and tests for accuracies on the same images. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from statistics import NormalDist
from typing import Any

CONFIDENCE = 0.95  # confidence of every interval

DOUBT = 1e-4  # at which chance is ruled out: a run has dozens of checks

SIGNIFICANCE = 0.05  # below this p a difference is called more than chance would do

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def _stats() -> Any:
    """Returns ``scipy.stats``: a second to import, and only few measurements need it."""
    from scipy import stats

    return stats


@dataclass(frozen=True)
class Proportion:
    """A share of images with its uncertainty."""

    k: int  # images that count
    n: int
    share: float  # ``k / n``
    low: float  # lower end of the Wilson 95 % interval
    high: float


def by_luck(hits: int, luck: Sequence[float]) -> float:
    """Computes the exact probability of so many hits or more, given each trial's chance of one."""
    exactly = [1.0]
    for share in luck:
        missed = [(1 - share) * each for each in exactly] + [0.0]
        hit = [0.0] + [share * each for each in exactly]
        exactly = [a + b for a, b in zip(missed, hit, strict=True)]
    return sum(exactly[hits:])


@cache  # a dataset of 1,000 classes asks for the same few counts over and over
def wilson(k: float, n: int) -> tuple[float, float]:
    """Computes the ends, 0–1, of the Wilson 95 % score interval of a proportion.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
    1927. ``k`` of ``n`` images count; ``k`` is a fraction where it is a mean over several runs.
    """
    share, spread = k / n, _Z * _Z / n
    centre = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    # At the ends rounding could leave 0 and 1 by some 1e-17.
    low = 0.0 if k == 0 else (centre - half) / (1 + spread)
    high = 1.0 if k == n else (centre + half) / (1 + spread)
    return low, high


def proportion(k: int, n: int) -> Proportion:
    """Makes a share with its Wilson 95 % interval."""
    low, high = wilson(k, n)
    return Proportion(k=k, n=n, share=k / n, low=low, high=high)


def exact_bounds(k: int, n: int) -> tuple[float, float]:
    """Computes one-sided 95 % bounds of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    beta, tail = _stats().beta, 1 - CONFIDENCE
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.isf(tail, k + 1, n - k))
    return low, high


def mcnemar(worse: int, better: int) -> float:
    """Tests whether images flip one way more often than the other, exactly.

    The exact conditional form of Q. McNemar, Psychometrika 12, 1947: if nothing but chance decided,
    each flipped image would go either way with probability one half. Takes the images right before
    and wrong after, and wrong before and right after. Returns a two-sided p; 1 when no image
    flipped.
    """
    flips, rarer = worse + better, min(worse, better)
    if worse == better:
        return 1.0
    # Whole numbers: the quotient is rounded once, at the end. Both tails are equal.
    ways = total = 1
    for k in range(rarer):
        ways = ways * (flips - k) // (k + 1)
        total += ways
    return 2 * total / (1 << flips)


def paired_difference(worse: int, better: int, n: int) -> tuple[float, float]:
    """Computes an interval of the difference between two accuracies on the same images.

    The adjusted Wald interval of A. Agresti and Y. Min, "Simple improved confidence intervals for
    comparing matched proportions", Statistics in Medicine 24, 2005: half an image is added to each
    cell of the 2×2 table first, so it never has zero width. Takes the images right before and wrong
    after, and wrong before and right after. Returns the ends of the 95 % interval of ``accuracy
    after - accuracy before``, -1 to 1.
    """
    total = n + 2
    difference = (better - worse) / total
    variance = (worse + better + 1 - (better - worse) ** 2 / total) / total**2
    margin = _Z * math.sqrt(variance)
    return max(-1.0, difference - margin), min(1.0, difference + margin)


def smallest_significant(flips: int) -> int:
    """Finds how lopsided flips must be before the exact test calls them more than chance.

    Returns the smallest ``|worse - better|`` with p below 0.05 among that many flips; with fewer
    than six flips no split is, and the answer is 6: the least that can ever be.
    """
    if flips < 6:  # 2 × 0.5⁵ = 0.0625
        return 6
    # The largest count of the rarer direction whose two tails together stay below the level.
    limit = math.ceil(Fraction(str(SIGNIFICANCE)) * (1 << flips) / 2)
    low, ways, total = -1, 1, 0
    while total + ways < limit:
        low, total = low + 1, total + ways
        ways = ways * (flips - low) // (low + 1)
    return flips - 2 * low


def median_interval(samples: list[float] | tuple[float, ...]) -> tuple[float, float]:
    """Computes a distribution-free interval of a median from order statistics.

    How many samples lie below the true median is binomial with probability one half, whatever the
    distribution (G. J. Hahn and W. Q. Meeker, "Statistical Intervals", 1991, section 5.2). The
    samples are taken as independent; neighbouring timings are not quite, so this is a little
    narrow. It holds the median with 95 % confidence or more; of fewer than six samples it ends at
    the extremes.
    """
    ordered = sorted(samples)
    n = len(ordered)
    # Largest r with P(fewer than r samples below the median) <= 2.5 %.
    rank = int(_stats().binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    rank = max(1, rank)
    return ordered[rank - 1], ordered[n - rank]
