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
    """Computes the Wilson 95 % score interval, 0–1, of ``k`` of ``n`` (JASA 22, 1927)."""
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
    """Tests by the exact form of McNemar's test (1947) whether images flip one way more often.

    Takes the images right before and wrong after, and the reverse. Returns a two-sided p.
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
    """Computes the 95 % interval, -1 to 1, of ``accuracy after - accuracy before``.

    The adjusted Wald interval of A. Agresti and Y. Min, Statistics in Medicine 24, 2005. Takes the
    images right before and wrong after, and the reverse.
    """
    total = n + 2
    difference = (better - worse) / total
    variance = (worse + better + 1 - (better - worse) ** 2 / total) / total**2
    margin = _Z * math.sqrt(variance)
    return max(-1.0, difference - margin), min(1.0, difference + margin)


def smallest_significant(flips: int) -> int:
    """Returns the least ``|worse - better|`` with p below 0.05 among flips; 6 if there is none."""
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

    Binomial (G. J. Hahn and W. Q. Meeker, "Statistical Intervals", 1991, section 5.2), with at
    least 95 % confidence; the extremes of fewer than six samples.
    """
    ordered = sorted(samples)
    n = len(ordered)
    # Largest r with P(fewer than r samples below the median) <= 2.5 %.
    rank = int(_stats().binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    rank = max(1, rank)
    return ordered[rank - 1], ordered[n - rank]
