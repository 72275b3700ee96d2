"""What the difference between two variants on the same images amounts to."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base import intervals
from effq_core.base.errors import StageError
from effq_core.base.plain import Plain
from effq_core.measure.predictions import Floats, Predictions, top1

MARGIN_POINTS = 1.0  # a smaller difference is of no practical consequence


@dataclass(frozen=True, kw_only=True)
class Comparison(Plain):
    """A variant set against a baseline on the same images; without labels, only the last four."""

    n: int  # images
    difference_points: float | None = None  # of top-1, in percentage points
    low_points: float | None = None  # lower end of its 95 % interval (Agresti and Min 2005)
    high_points: float | None = None  # upper end
    worse: int | None = None  # images the baseline gets right and the variant wrong
    better: int | None = None  # images the baseline gets wrong and the variant right
    p: float | None = None  # two-sided p of the exact McNemar test
    detectable_points: float | None = None  # least that so many flips, or six, could have shown
    too_small_to_tell: bool | None = None  # p is 0.05 or more, yet the interval exceeds 1 point
    agreement: intervals.Proportion  # images both give the same top-1 class
    kl: float  # mean Kullback-Leibler divergence of the variant from the baseline, in nats
    kl_epsilon: float  # probabilities below this were raised to it first; see :func:`clip_epsilon`
    max_difference: float  # largest absolute difference between two probabilities, 0–1


def compare(baseline: Predictions, other: Predictions) -> Comparison:
    """Compares a variant with a baseline, image by image; raises StageError if they differ."""
    if baseline.keys != other.keys or baseline.probabilities.shape != other.probabilities.shape:
        raise StageError(
            f"Predictions of {baseline.n} and {other.n} images cannot be compared: they are not "
            "of the same images and classes.",
            "Evaluate both variants on the same sample.",
        )
    if baseline.n == 0:
        raise StageError("There is no image to compare on.", "Choose a dataset with images.")
    epsilon = clip_epsilon(baseline.probabilities.shape[1])
    same = int((baseline.predicted == other.predicted).sum())
    return Comparison(
        **_flips(baseline, other),
        n=baseline.n,
        agreement=intervals.proportion(same, baseline.n),
        kl=mean_kl(baseline.probabilities, other.probabilities, epsilon),
        kl_epsilon=epsilon,
        max_difference=float(np.abs(baseline.probabilities - other.probabilities).max()),
    )


def _flips(baseline: Predictions, other: Predictions) -> dict[str, Any]:
    before, after = top1(baseline), top1(other)
    if before is None or after is None:
        return {}
    n = baseline.n
    worse, better = int((before & ~after).sum()), int((~before & after).sum())
    low, high = (100 * end for end in intervals.paired_difference(worse, better, n))
    p = intervals.mcnemar(worse, better)
    return {
        "difference_points": 100 * (better - worse) / n,
        "low_points": low,
        "high_points": high,
        "worse": worse,
        "better": better,
        "p": p,
        "detectable_points": 100 * intervals.smallest_significant(worse + better) / n,
        "too_small_to_tell": p >= intervals.SIGNIFICANCE and max(-low, high) > MARGIN_POINTS,
    }


def clip_epsilon(classes: int) -> float:
    """Returns the smallest probability :func:`mean_kl` tells apart from zero.

    An 8-bit softmax moves in steps of 1/256: its zero means "below 1/512". With many classes it is
    a tenth of the uniform probability.
    """
    return min(1 / 512, 0.1 / classes)


def mean_kl(baseline: Floats, other: Floats, epsilon: float) -> float:
    """Computes the mean KL(baseline‖other) over images in nats, of float (n, classes), clipped."""
    p = np.maximum(baseline.astype(np.float64), epsilon)
    q = np.maximum(other.astype(np.float64), epsilon)
    p /= p.sum(axis=1, keepdims=True)
    q /= q.sum(axis=1, keepdims=True)
    # Rounding can leave a sum of some 1e-17 below zero; a divergence cannot be.
    return max(0.0, float((p * np.log(p / q)).sum(axis=1).mean()))


def sentence(comparison: Comparison, name_a: str, name_b: str) -> str:
    """Says in one sentence what a comparison of the second with the first, the baseline, found."""
    photos, agreement = fmt.counted(comparison.n, "photo"), comparison.agreement
    if (
        comparison.difference_points is None
        or comparison.worse is None
        or comparison.better is None
        or comparison.p is None
    ):
        return (
            f"On {photos} without labels {name_b} gives the same answer as {name_a} for "
            f"{100 * agreement.share:.1f} % (95 % interval {100 * agreement.low:.1f} to "
            f"{100 * agreement.high:.1f} %)."
        )
    if comparison.worse + comparison.better == 0:
        start = f"On {photos} {name_b} gets exactly the same ones right as {name_a}"
        return f"{start}{_reservation(comparison)}."
    flips = f"{comparison.worse:,} got worse, {comparison.better:,} better"
    p = fmt.p_value(comparison.p)
    if comparison.worse == comparison.better:
        what = f"{name_b} and {name_a} are equally often right ({flips})"
        return f"On {photos} {what}{_reservation(comparison)}."
    word = "worse" if comparison.difference_points < 0 else "better"
    size = fmt.points(abs(comparison.difference_points)).removeprefix("+")
    what = f"{name_b} is {word} than {name_a} by {size} ({flips})"
    if comparison.p < intervals.SIGNIFICANCE:
        verdict = f"this is significant (exact McNemar {p})"
    else:
        verdict = f"this is consistent with chance (exact McNemar {p})"
    return f"On {photos} {what}; {verdict}{_reservation(comparison)}."


def _reservation(comparison: Comparison) -> str:
    if comparison.too_small_to_tell:
        return f", and so few photos cannot exclude a difference of {MARGIN_POINTS:.0f} point"
    return ""
