from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_data import activation_of, calm_and_odd, some_tensors

from effq_core.base.errors import InputError
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.grids import sqnr
from effq_core.learn.ranges import (
    clipped_share,
    find_range,
    grid_of,
    measure,
    photo_sqnr,
    telling_activation,
)

MIN_MAX, MOVING_AVERAGE, PERCENTILE = "min_max", "moving_average", "percentile"
STOPS = (1, 2, 5, 10, 20)


def test_min_max_and_moving_average_are_what_their_names_say_at_every_number_of_photos() -> None:
    photos = calm_and_odd()
    activation = activation_of(photos, STOPS)
    for n in range(1, 21):
        lows, highs = ([f(p) for p in photos[:n]] for f in (np.min, np.max))
        assert find_range(activation, MIN_MAX, n) == pytest.approx((min(lows), max(highs)))
        found = find_range(activation, MOVING_AVERAGE, n)
        assert found == pytest.approx((np.mean(lows), np.mean(highs)), rel=1e-5)


def test_a_percentile_is_that_of_the_first_photos_values() -> None:
    photos = calm_and_odd()
    activation = activation_of(photos, STOPS)
    for n in STOPS:
        values = np.concatenate(photos[:n])
        low, high = find_range(activation, PERCENTILE, n, 99.0)
        bin_width = 2 * activation.limit / 2048
        assert low == pytest.approx(np.percentile(values, 0.5), abs=2 * bin_width)
        assert high == pytest.approx(np.percentile(values, 99.5), abs=2 * bin_width)


def test_a_range_always_holds_zero() -> None:
    positive = activation_of([np.linspace(3, 9, 100), np.linspace(2, 5, 100)], (1, 2))
    for method in METHODS:
        assert find_range(positive, method, 2)[0] == 0.0


def test_numbers_of_photos_nothing_was_kept_for_are_refused() -> None:
    activation = activation_of(calm_and_odd(), STOPS)
    for n in (0, 21):
        with pytest.raises(InputError, match="not calibrated with"):
            find_range(activation, MIN_MAX, n)
    with pytest.raises(InputError, match="No histogram was kept after 7 photos") as caught:
        find_range(activation, PERCENTILE, 7)
    assert "1, 2, 5, 10, 20" in caught.value.hint


@given(st.floats(0.5, 60), st.integers(3, 8))
@settings(deadline=None)
def test_sqnr_from_histograms_is_that_of_the_values_themselves(reach: float, bits: int) -> None:
    photos = calm_and_odd(6, 3)
    activation = activation_of(photos, (6,))
    grid = grid_of(-reach, reach, bits)
    found = photo_sqnr(activation, grid)
    # What is left of spreading values evenly within a bin: the more, the nearer the grid's steps
    # come to the width of a bin. At most 0.86 dB of 1,600 reaches with 8 bits, half of it with 7.
    left = max(0.1, 2.0 ** (bits - 8))
    assert found == pytest.approx([sqnr(p, grid.round(p)) for p in photos], abs=left)


@given(st.floats(-50, 0), st.floats(0, 50))
@settings(deadline=None)
def test_the_clipped_share_is_that_of_the_values_themselves(low: float, high: float) -> None:
    photos = calm_and_odd(6, 3)
    activation = activation_of(photos, (6,))
    values = np.concatenate(photos)
    width = 2 * activation.limit / 2048
    near = np.mean((np.abs(values - low) < width) | (np.abs(values - high) < width))
    exact = np.mean((values < low) | (values > high))
    assert clipped_share(activation, low, high) == pytest.approx(exact, abs=near + 1e-9)


def test_min_max_of_all_photos_clips_nothing() -> None:
    activation = activation_of(calm_and_odd(), STOPS)
    assert measure(activation, MIN_MAX, 20).clipped == 0.0
    assert measure(activation, MIN_MAX, 1).clipped > 0.0


def test_one_odd_photo_makes_more_min_max_photos_worse_and_leaves_the_average_alone() -> None:
    activation = activation_of(calm_and_odd(), STOPS)
    few, many = (measure(activation, MIN_MAX, n) for n in (10, 20))
    assert few.typical - many.typical > 25  # the step is some 35 times as wide
    few, many = (measure(activation, MOVING_AVERAGE, n) for n in (10, 20))
    assert abs(few.typical - many.typical) < 12
    assert many.typical > measure(activation, MIN_MAX, 20).typical + 15


def test_an_effect_holds_the_numbers_of_its_grid() -> None:
    activation = activation_of(calm_and_odd(), STOPS)
    found = measure(activation, MIN_MAX, 20)
    assert found.scale == pytest.approx((found.high - found.low) / 255)
    assert found.zero_point == round(-128 - found.low / found.scale)
    assert found.hard <= found.typical


def test_the_telling_activation_is_the_one_more_photos_harm() -> None:
    activations = some_tensors().activations
    assert activations[telling_activation(activations)].name == "odd"
