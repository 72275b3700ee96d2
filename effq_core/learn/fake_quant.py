"""What fake-quant does to a value and to its gradient. Pure functions."""

from dataclasses import dataclass

import numpy as np

from effq_core.learn.grids import Floats, Grid

MARGIN = 0.2  # how far beyond the range curves are drawn, as a share of its width

_POINTS = 2001


@dataclass(frozen=True)
class Point:
    """What becomes of one value."""

    value: float
    integer: int  # the integer it is stored as
    output: float  # the value that integer stands for
    error: float  # ``output - value``
    gradient: float  # what fake-quant multiplies the gradient by: 1 inside the range, 0 outside


@dataclass(frozen=True, eq=False)
class Curve:
    """Fake-quant over a stretch of values."""

    values: Floats  # inputs, float64 ``(points,)``, rising
    outputs: Floats  # the staircase, likewise
    gradients: Floats  # 1 inside the range and 0 outside, likewise


def span(grid: Grid) -> tuple[float, float]:
    """Returns the stretch of values a curve is drawn over: the range and a little beyond."""
    low, high = float(grid.low[0]), float(grid.high[0])
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def follow(grid: Grid, value: float) -> Point:
    """Takes a value through fake-quant, and its gradient straight through, as TensorFlow does."""
    array = np.array([value])
    output = float(grid.round(array)[0])
    return Point(
        value=value,
        integer=int(grid.integers(array)[0]),
        output=output,
        error=output - value,
        gradient=float(_passes(grid, array)[0]),
    )


def curve(grid: Grid) -> Curve:
    """Draws fake-quant of one channel: staircase and gradient, a little beyond the range."""
    values = np.linspace(*span(grid), _POINTS)
    return Curve(values, grid.round(values), _passes(grid, values))


def _passes(grid: Grid, values: Floats) -> Floats:
    # As in TensorFlow: the nudged range itself, its ends included.
    inside: Floats = ((values >= grid.low[0]) & (values <= grid.high[0])).astype(np.float64)
    return inside
