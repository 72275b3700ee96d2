from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import StageError
from effq_core.base.intervals import (
    mcnemar,
    median_interval,
    paired_difference,
    proportion,
    smallest_significant,
    wilson,
)
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import Comparison, clip_epsilon, compare, mean_kl, sentence


def answers(right: list[bool], labelled: bool = True) -> Predictions:
    """Predictions of two classes that are right where told; the truth is always class 0."""
    rows = np.array([[0.75, 0.25] if ok else [0.25, 0.75] for ok in right], np.float32)
    labels = np.zeros(len(right), np.int64) if labelled else None
    return Predictions(rows, labels, None, [str(i) for i in range(len(right))])


def pair(both: int, worse: int, better: int, neither: int) -> tuple[Predictions, Predictions]:
    before = [True] * (both + worse) + [False] * (better + neither)
    after = [True] * both + [False] * worse + [True] * better + [False] * neither
    return answers(before), answers(after)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (435, 500, 0.838, 0.897),  # the paper's 0.87
        (420, 500, 0.805, 0.870),  # the paper's 0.84
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_published_intervals(k: int, n: int, low: float, high: float) -> None:
    digits = 3 if n == 500 else 4
    assert tuple(round(end, digits) for end in wilson(k, n)) == (low, high)


def test_wilson_is_its_closed_form() -> None:
    k, n, z = 1707, 1966, 1.959963984540054
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert wilson(k, n) == pytest.approx((centre - half, centre + half), abs=1e-12)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    share = proportion(*counts)
    assert -1e-12 <= share.low <= share.share + 1e-12
    assert share.share - 1e-12 <= share.high <= 1 + 1e-12


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [
        (0, 0, 1.0),
        (1, 1, 1.0),
        (0, 5, 2 / 32),
        (0, 6, 2 / 64),
        (1, 9, 2 * (1 + 10) / 1024),
        (1, 7, 2 * (1 + 8) / 256),  # Bentur et al. 2009: 0.0703
    ],
)
def test_mcnemar_is_exact(worse: int, better: int, p: float) -> None:
    assert mcnemar(worse, better) == pytest.approx(p, abs=1e-12)
    assert mcnemar(better, worse) == pytest.approx(p, abs=1e-12)


def test_paired_difference_is_agresti_and_mins_formula() -> None:
    # n = 21, 1 worse, 7 better: (6/23) ± z sqrt(9 - 36/23) / 23
    half = 1.959963984540054 * math.sqrt(9 - 36 / 23) / 23
    assert paired_difference(1, 7, 21) == pytest.approx((6 / 23 - half, 6 / 23 + half), abs=1e-12)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000))
def test_paired_difference_is_antisymmetric_and_never_empty(a: int, b: int, rest: int) -> None:
    n = a + b + rest + 1
    low, high = paired_difference(a, b, n)
    assert paired_difference(b, a, n) == pytest.approx((-high, -low), abs=1e-12)
    assert -1 <= low < high <= 1


@given(st.integers(0, 400))
def test_smallest_significant_is_the_edge_of_the_test(flips: int) -> None:
    net = smallest_significant(flips)
    if flips < 6:
        assert net == 6
        assert all(mcnemar(k, flips - k) >= 0.05 for k in range(flips + 1))
        return
    low = (flips - net) // 2
    assert (flips - net) % 2 == 0
    assert mcnemar(low, flips - low) < 0.05
    if low + 1 <= flips // 2:
        assert mcnemar(low + 1, flips - low - 1) >= 0.05


def test_median_interval_takes_the_tabulated_ranks() -> None:
    # Ranks for 95 %: n = 6: 1 and 6; n = 20: 6 and 15; n = 100: 40 and 61.
    for n, low, high in ((6, 1, 6), (20, 6, 15), (100, 40, 61)):
        values = [float(v) for v in range(1, n + 1)]
        assert median_interval(values[::-1]) == (low, high)
    assert median_interval([3.0]) == (3.0, 3.0)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=60))
def test_median_interval_holds_the_median(samples: list[float]) -> None:
    low, high = median_interval(samples)
    assert low <= np.median(samples) <= high


def test_compare_counts_flips() -> None:
    result = compare(*pair(both=80, worse=10, better=1, neither=9))
    assert (result.n, result.worse, result.better) == (100, 10, 1)
    assert result.difference_points == pytest.approx(-9)
    assert result.p == pytest.approx(2 * 12 / 2048)
    assert result.low_points is not None
    assert result.high_points is not None
    assert result.low_points < -9 < result.high_points < 0
    assert result.detectable_points == 9  # of 11 flips 10 : 1 is the least that is significant
    assert result.too_small_to_tell is False
    assert (result.agreement.k, result.agreement.n) == (89, 100)
    assert result.max_difference == 0.5
    assert Comparison.from_dict(result.to_dict()) == result


def test_a_small_sample_cannot_tell_and_a_large_one_can() -> None:
    few = compare(*pair(both=85, worse=2, better=1, neither=12))
    many = compare(*pair(both=3400, worse=19, better=17, neither=489))
    assert few.too_small_to_tell is True
    assert many.too_small_to_tell is False
    assert "cannot exclude a difference of 1 point" in sentence(few, "float32", "int8")


def test_the_sentence_says_what_was_found() -> None:
    worse = compare(*pair(both=1700, worse=19, better=7, neither=240))
    assert sentence(worse, "float32", "int8") == (
        "On 1,966 photos int8 is worse than float32 by 0.6 points (19 got worse, 7 better); "
        "this is significant (exact McNemar p = 0.029)."
    )
    better = compare(*pair(both=3400, worse=10, better=13, neither=502))
    assert sentence(better, "float32", "int8") == (
        "On 3,925 photos int8 is better than float32 by 0.1 points (10 got worse, 13 better); "
        "this is consistent with chance (exact McNemar p = 0.68)."
    )
    same = compare(*pair(both=3400, worse=0, better=0, neither=525))
    assert sentence(same, "float32", "float16") == (
        "On 3,925 photos float16 gets exactly the same ones right as float32."
    )
    even = compare(*pair(both=3400, worse=3, better=3, neither=519))
    assert "equally often right (3 got worse, 3 better)" in sentence(even, "float32", "int8")
    huge = compare(*pair(both=3400, worse=129, better=50, neither=346))
    assert "p < 0.001" in sentence(huge, "float32", "int8")


def test_without_labels_agreement_and_divergence_remain() -> None:
    a, b = answers([True] * 9 + [False], labelled=False), answers([True] * 10, labelled=False)
    result = compare(a, b)
    nothing = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    kept = {"n", "agreement", "kl", "kl_epsilon", "max_difference"}
    assert {name for name, value in nothing.items() if value is not None} == kept
    assert result.agreement.share == 0.9
    assert result.kl == pytest.approx(0.1 * 0.5 * math.log(3))
    assert sentence(result, "float32", "int8").startswith(
        "On 10 photos without labels int8 gives the same answer as float32 for 90.0 %"
    )


def test_kl_is_exact_and_an_integer_zero_is_not_infinitely_surprising() -> None:
    p, q = np.array([[0.5, 0.5]], np.float32), np.array([[1.0, 0.0]], np.float32)
    e = clip_epsilon(2)
    assert e == 1 / 512
    total = 1 + e
    expected = 0.5 * math.log(0.5 / (1 / total)) + 0.5 * math.log(0.5 / (e / total))
    assert mean_kl(p, q, e) == pytest.approx(expected)
    assert clip_epsilon(1000) == pytest.approx(1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_kl_is_zero_for_equals_and_scipys_otherwise(seed: int, classes: int) -> None:
    p, q = np.random.default_rng(seed).dirichlet(np.ones(classes), (2, 5)).astype(np.float32)
    epsilon = clip_epsilon(classes)
    assert mean_kl(p, p, epsilon) == 0
    # scipy's entropy normalises what was clipped, as ours does.
    clipped = (np.maximum(each.astype(np.float64), epsilon) for each in (p, q))
    assert mean_kl(p, q, epsilon) == pytest.approx(
        float(np.mean(scipy.stats.entropy(*clipped, axis=1))), abs=1e-9
    )


def test_different_images_cannot_be_compared() -> None:
    with pytest.raises(StageError, match="cannot be compared"):
        compare(answers([True, True]), answers([True]))
    with pytest.raises(StageError, match="no image"):
        none = Predictions(np.empty((0, 2), np.float32), None, None, [])
        compare(none, none)
