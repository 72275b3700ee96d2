"""What rounding a layer's weights does to its output."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.quantize.moments import Moments


def output_error(
    weights: npt.NDArray[np.float64], moments: Moments, rounded: npt.NDArray[np.float64]
) -> float:
    """Returns the mean squared error of an output as a share of the output's variance.

    Args:
        weights: Float weights ``(outputs, inputs)``.
        moments: Of the layer's input.
        rounded: What integers stand for, ``(outputs, inputs)``.
    """
    second, mean = moments.second.astype(np.float64), moments.mean.astype(np.float64)
    variance = _power(weights, second - np.outer(mean, mean))
    error = max(0.0, _power(weights - rounded, second))
    return error / max(variance, np.finfo(np.float64).tiny)


def _power(weights: npt.NDArray[np.float64], second: npt.NDArray[Any]) -> float:
    return float(((weights @ second) * weights).sum())
