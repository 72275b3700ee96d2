"""SQuant's rounding, of each output as a whole.

Inputs of a layer are mostly positive, behind ReLU6 or swish, and alike in size. So what rounding
adds to an output is, in the mean, the sum of its weights' errors. Nearest rounding leaves that sum
to chance; here the weights closest to a half go the other way until it is as near 0 as it gets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from effq_core.tflite.packing import largest

_Weights = npt.NDArray[np.float64]


def squant_integers(weights: _Weights, scales: _Weights, bits: int) -> npt.NDArray[np.int8]:
    """Returns integers whose errors add up to as little as single steps allow.

    Args:
        weights: ``(outputs, inputs)``.
        scales: What a step of each weight is worth, ``(outputs, inputs)`` or ``(outputs, 1)``.
        bits: Of a value.
    """
    top, scales = largest(bits), np.broadcast_to(scales, weights.shape)
    nearest = np.clip(np.round(weights / scales), -top - 1, top)
    error = weights - nearest * scales
    total = error.sum(axis=1, keepdims=True)
    side = np.sign(total)
    share = error * side / scales  # of a step, towards the other neighbour
    free = (share > 0) & (np.abs(nearest + side + 0.5) <= top + 0.5)
    order = np.argsort(np.where(free, -share, 0.0), axis=1, kind="stable")
    steps = np.take_along_axis(np.where(free, scales, 0.0), order, axis=1)
    gained = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
    count = np.abs(np.abs(total) - gained).argmin(axis=1)
    moved = np.zeros(weights.shape, bool)
    np.put_along_axis(moved, order, np.arange(weights.shape[1]) < count[:, None], axis=1)
    return (nearest + np.where(moved & free, side, 0.0)).astype(np.int8)
