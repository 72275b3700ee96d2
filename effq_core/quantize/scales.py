"""Scales of weights: what an integer's step is worth in each output channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.tflite.packing import largest

_SHARES = np.linspace(0.3, 1.0, 36)
"""Shares of the largest weight that are tried as what the largest integer stands for."""
_LEAST = 1e-3
"""Least scale, relative to the layer's largest; a layer of zeros has this one.

Outputs of no or hardly any weights are below what 256 steps of the layer's output can show. With a
scale of their own, integers could not hold their bias, and LiteRT's own kernels abort.
"""

_Weights = npt.NDArray[np.float64]


def rounded(weights: _Weights, scales: _Weights, bits: int) -> npt.NDArray[np.int8]:
    """Returns the nearest integers to weights ``(outputs, inputs)``, within their bits."""
    top = largest(bits)
    return np.clip(np.round(weights / scales[:, None]), -top - 1, top).astype(np.int8)


def largest_scales(weights: _Weights, bits: int) -> _Weights:
    """Returns the scales ``(outputs,)`` that hold each output's largest weight."""
    most: _Weights = np.abs(weights).max(axis=1, initial=0.0)
    scales = most / largest(bits)
    return np.maximum(scales, _LEAST * (scales.max(initial=0.0) or 1.0))


def least_error_scales(weights: _Weights, bits: int, importance: Any = 1.0) -> _Weights:
    """Returns the scales ``(outputs,)`` of least squared error of weights rounded to nearest.

    Args:
        importance: Factor of each input's squared error, ``(inputs,)``.
    """
    whole = largest_scales(weights, bits)
    best, least = whole, np.full(len(weights), np.inf)
    for share in _SHARES:
        scales = whole * share
        wrong = weights - rounded(weights, scales, bits) * scales[:, None]
        error = (wrong**2 * importance).sum(axis=1)
        best = np.where(error < least, scales, best)
        least = np.minimum(error, least)
    return best
