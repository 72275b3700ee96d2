from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from effq_core.base.errors import InputError
from effq_core.learn.grids import channel_sqnr, decibels, make_grid, quantize, sqnr

bits = st.integers(2, 8)
kernels = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 20)),
    elements=st.floats(-8, 8, width=32),
)


def test_int8_weights_use_127_steps_on_either_side_and_leave_the_lowest_integer_out() -> None:
    grid = make_grid(-1.0, 2.54, 8, symmetric=True)
    assert (grid.lowest, grid.highest) == (-127, 127)
    assert grid.scale[0] == pytest.approx(0.02)
    assert grid.zero_point[0] == 0
    assert len(grid.levels()) == 255


def test_int8_activations_use_all_256_integers_and_keep_zero() -> None:
    grid = make_grid(-1.0, 4.1, 8, symmetric=False)
    assert grid.scale[0] == pytest.approx(0.02)
    assert grid.zero_point[0] == -78  # -128 + 1.0 / 0.02
    assert len(grid.levels()) == 256
    assert 0.0 in grid.levels()


def test_a_zero_point_halfway_between_two_integers_goes_away_from_zero_as_in_the_converter() -> (
    None
):
    # A range of block3a_project_conv in a real run: its int8 file says -16.
    assert make_grid(-5.15625, 6.53125, 8, symmetric=False).zero_point[0] == -16


@pytest.mark.parametrize(("n", "symmetric", "levels"), [(2, True, 3), (2, False, 4), (4, True, 15)])
def test_few_bits_have_few_levels(n: int, symmetric: bool, levels: int) -> None:
    assert len(make_grid(-1, 1, n, symmetric=symmetric).levels()) == levels


def test_a_range_that_does_not_hold_zero_is_widened_to_it() -> None:
    grid = make_grid(3.0, 6.0, 8, symmetric=False)
    assert grid.low[0] == 0.0
    assert grid.high[0] == pytest.approx(6.0)


@given(kernels, bits, st.booleans(), st.booleans())
def test_no_value_moves_further_than_half_a_step(
    values: np.ndarray, n: int, symmetric: bool, per_channel: bool
) -> None:
    grid, rounded = quantize(values, n, symmetric=symmetric, per_channel=per_channel)
    # The zero point is a whole number, so an asymmetric grid may be shifted by half a step more.
    most = (0.5 if symmetric else 1.0) * np.broadcast_to(grid.scale[:, None], (len(values), 1))
    assert (np.abs(rounded - values) <= most * (1 + 1e-6) + 1e-9).all()


@given(kernels, bits, st.booleans(), st.booleans())
def test_rounding_twice_is_rounding_once_and_zero_stays_zero(
    values: np.ndarray, n: int, symmetric: bool, per_channel: bool
) -> None:
    grid, rounded = quantize(values, n, symmetric=symmetric, per_channel=per_channel)
    assert np.array_equal(grid.round(rounded), rounded)
    assert not grid.round(np.zeros_like(values)).any()


@given(kernels, bits)
def test_a_scale_a_channel_never_makes_a_coarser_grid(values: np.ndarray, n: int) -> None:
    shared, _ = quantize(values, n, symmetric=True, per_channel=False)
    own, _ = quantize(values, n, symmetric=True, per_channel=True)
    # Channels of zeros have the scale 1, whatever the others have.
    used = np.abs(values).max(axis=1) > 0
    assert (own.scale[used] <= shared.scale[0] * (1 + 1e-12)).all()


def test_one_bit_more_is_worth_six_decibels() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, (1, 200_000))
    ratios = []
    for n in range(4, 9):
        _, rounded = quantize(values, n, symmetric=False, per_channel=False)
        ratios.append(sqnr(values, rounded))
    assert np.diff(ratios) == pytest.approx(6.02, abs=0.6)
    # Uniform values over the whole range: signal 1/3, noise (2/255)²/12.
    assert ratios[-1] == pytest.approx(10 * math.log10((1 / 3) / ((2 / 255) ** 2 / 12)), abs=0.1)


def test_sqnr_is_computed_from_powers() -> None:
    assert decibels(100, 1) == 20
    assert decibels(1, 0) == math.inf
    assert decibels(0, 1) == -math.inf
    exact, rounded = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[3.0, 3.5], [1.0, 0.0]])
    assert sqnr(exact, rounded) == pytest.approx(10 * math.log10(26 / 0.25))
    assert channel_sqnr(exact, rounded).tolist() == [pytest.approx(20), math.inf]


@pytest.mark.parametrize("n", [1, 9, 0, -3])
def test_other_bits_are_refused(n: int) -> None:
    with pytest.raises(InputError, match="cannot be shown") as caught:
        make_grid(-1, 1, n, symmetric=True)
    assert "2 to 8" in caught.value.hint


def test_a_range_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="not finite"):
        make_grid(-1, math.inf, 8, symmetric=True)
