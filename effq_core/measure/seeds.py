"""The same choice made with several seeds, measured on the same photos. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.base.intervals import CONFIDENCE, wilson
from effq_core.measure.predictions import Bools

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A share of photos, averaged over seeds. All 0–1."""

    n: int  # photos
    seeds: int  # how many seeds
    mean: float  # mean over the seeds
    low: float  # lower end of Wilson's 95 % interval for that mean on n photos
    high: float  # upper end
    least: float  # smallest share of a seed
    most: float  # largest


@dataclass(frozen=True, kw_only=True)
class PairedMeans:
    """Two choices set against each other, photo by photo, averaged over seeds."""

    n: int  # photos
    seeds: int  # how many seeds
    difference: float  # mean share of the second minus that of the first, -1 to 1
    low: float  # lower end of its 95 % interval
    high: float  # upper end
    p: float  # two-sided p of the exact sign-flip test over photos


def repeated(right: Sequence[Bools]) -> Repeated:
    """Averages the share of photos that count over seeds, bool (n,) each; Wilson's interval."""
    table = _table(right)
    (seeds, n), shares = table.shape, table.mean(axis=1)
    mean, least, most = float(shares.mean()), float(shares.min()), float(shares.max())
    low, high = wilson(mean * n, n)
    return Repeated(n=n, seeds=seeds, mean=mean, low=low, high=high, least=least, most=most)


def paired_means(before: Sequence[Bools], after: Sequence[Bools]) -> PairedMeans:
    """Compares two choices on the same photos and seeds, bool (n,) for each seed.

    One seed: Agresti and Min's interval (2005) and McNemar's exact test. Several: photos count by
    their means, and the test flips the sign of each photo's sum (R. A. Fisher, "The Design of
    Experiments", 1935, section 21). Raises StageError if seeds or photos do not correspond.
    """
    first, second = _table(before), _table(after)
    if first.shape != second.shape:
        raise StageError(
            f"Answers of shape {first.shape} and {second.shape} cannot be paired.",
            "Compare the same seeds on the same photos.",
        )
    seeds, n = first.shape
    sums = second.sum(axis=0, dtype=np.int64) - first.sum(axis=0, dtype=np.int64)
    each = sums / seeds
    total = n + 2
    difference = float(each.sum()) / total
    variance = (float((each**2).sum()) + 1 - float(each.sum()) ** 2 / total) / total**2
    margin = _Z * math.sqrt(variance)
    low, high = max(-1.0, difference - margin), min(1.0, difference + margin)
    mean, p = float(each.mean()), sign_flip(sums)
    return PairedMeans(n=n, seeds=seeds, difference=mean, low=low, high=high, p=p)


def sign_flip(sums: npt.NDArray[np.int64]) -> float:
    """Tests, two-sided and exactly, whether sums, int64 (n,), lean to one side beyond chance."""
    reached = abs(int(sums.sum()))
    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    if reached == 0 or not sizes.size:
        return 1.0
    # The total is twice what the positive signs pick, minus all: convolve what they pick.
    picked = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        chances = np.zeros(size * count + 1)
        chances[::size] = [math.comb(count, k) / (1 << count) for k in range(count + 1)]
        picked = np.convolve(picked, chances)
    everything = len(picked) - 1
    totals = np.abs(2 * np.arange(len(picked)) - everything)
    return min(1.0, float(picked[totals >= reached].sum()))


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Corrects several p for their number (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return tuple(corrected)


def _table(rows: Sequence[Bools]) -> npt.NDArray[np.bool_]:
    if not rows or any(len(row) != len(rows[0]) for row in rows) or not len(rows[0]):
        raise StageError(
            f"{len(rows)} seeds of {sorted({len(row) for row in rows})} photos cannot be averaged.",
            "Evaluate all of them on the same photos.",
        )
    return np.stack([np.asarray(row, bool) for row in rows])
