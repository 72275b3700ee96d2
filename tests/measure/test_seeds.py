from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.base.errors import StageError
from effq_core.base.intervals import mcnemar, paired_difference, wilson
from effq_core.measure.seeds import holm, paired_means, repeated, sign_flip

ROWS = st.integers(2, 40).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=2, max_size=6)
)


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_one_seed_gives_the_interval_and_test_of_a_single_run(rows: list[list[bool]]) -> None:
    before, after = np.array(rows[0]), np.array(rows[1])
    found = paired_means([before], [after])
    worse, better = int((before & ~after).sum()), int((~before & after).sum())

    assert (found.low, found.high) == pytest.approx(paired_difference(worse, better, len(before)))
    assert found.p == pytest.approx(mcnemar(worse, better))
    assert found.difference == pytest.approx((better - worse) / len(before))


@given(sums=st.lists(st.integers(-3, 3), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_the_sign_flip_test_counts_every_choice_of_signs(sums: list[int]) -> None:
    values = np.array(sums, np.int64)
    signs = itertools.product((-1, 1), repeat=len(sums))
    far = [
        abs(int((values * sign).sum())) >= abs(int(values.sum())) for sign in map(np.array, signs)
    ]

    assert sign_flip(values) == pytest.approx(sum(far) / len(far))


def test_seeds_that_agree_are_as_one_and_do_not_narrow_the_interval() -> None:
    right = np.array([True] * 80 + [False] * 20)
    one, five = repeated([right]), repeated([right] * 5)

    assert (one.low, one.high) == pytest.approx(wilson(80, 100))
    assert (five.mean, five.low, five.high) == (one.mean, one.low, one.high)
    assert five.seeds == 5 and five.least == five.most == 0.8
    other = np.array([False] * 30 + [True] * 70)
    assert paired_means([right] * 3, [other] * 3).p == pytest.approx(
        paired_means([right], [other]).p
    ), "asking the same seed three times proves nothing more"


def test_the_mean_over_seeds_says_how_far_they_are_apart() -> None:
    found = repeated([np.arange(10) < 7, np.arange(10) < 9])

    assert (found.mean, found.least, found.most, found.n) == (0.8, 0.7, 0.9, 10)


def test_holm_multiplies_by_what_is_left_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.5, 0.9]) == pytest.approx((1.0, 1.0))
    assert holm([]) == ()


def test_what_cannot_be_paired_is_said() -> None:
    with pytest.raises(StageError, match="cannot be paired"):
        paired_means([np.ones(3, bool)], [np.ones(3, bool)] * 2)
    with pytest.raises(StageError, match="cannot be averaged"):
        repeated([np.ones(3, bool), np.ones(4, bool)])
    with pytest.raises(StageError, match="cannot be averaged"):
        repeated([])
