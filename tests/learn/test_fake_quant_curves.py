from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from effq_core.learn.fake_quant import curve, follow, span
from effq_core.learn.grids import make_grid

import tensorflow as tf


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.1), (-0.28, 5.3), (0.0, 6.0), (-3.0, 0.0)])
def test_the_curve_and_its_gradient_are_those_of_tensorflows_operator(
    low: float, high: float, bits: int
) -> None:
    grid = make_grid(low, high, bits, symmetric=False)
    drawn = curve(grid)
    values = tf.Variable(drawn.values.astype(np.float32))
    with tf.GradientTape() as tape:
        out = tf.quantization.fake_quant_with_min_max_vars(values, low, high, num_bits=bits)
    gradient = tape.gradient(out, values).numpy()
    # Where a value lies on the edge of a step or of the range, one float's last digit decides.
    step = float(grid.scale[0])
    phase = np.abs((drawn.values / step) % 1 - 0.5)
    clear = phase > 1e-3
    assert clear.mean() > 0.95
    assert out.numpy()[clear] == pytest.approx(drawn.outputs[clear], abs=1e-5)
    near_ends = np.minimum(np.abs(drawn.values - grid.low[0]), np.abs(drawn.values - grid.high[0]))
    inner = near_ends > 1e-4
    assert np.array_equal(gradient[inner], drawn.gradients[inner])
    assert set(np.unique(drawn.gradients)) == {0.0, 1.0}


def test_one_value_is_followed_through() -> None:
    grid = make_grid(-1.0, 4.1, 8, symmetric=False)
    point = follow(grid, 0.333)
    assert point.integer == round(0.333 / 0.02) - 78
    assert point.output == pytest.approx(0.34)
    assert point.error == pytest.approx(0.007)
    assert point.gradient == 1.0


def test_a_value_outside_is_clipped_and_gets_no_gradient() -> None:
    grid = make_grid(-1.0, 4.1, 8, symmetric=False)
    for value, end in ((-2.0, -1.0), (9.0, 4.1)):
        point = follow(grid, value)
        assert point.output == pytest.approx(end)
        assert point.gradient == 0.0


def test_the_curve_goes_a_little_beyond_the_range_on_both_sides() -> None:
    grid = make_grid(-1.0, 4.1, 3, symmetric=False)
    left, right = span(grid)
    assert left < grid.low[0]
    assert right > grid.high[0]
    drawn = curve(grid)
    assert (drawn.values[0], drawn.values[-1]) == (left, right)
    assert len(np.unique(drawn.outputs)) == 8
