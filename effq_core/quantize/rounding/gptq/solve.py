"""GPTQ's integers for one layer (Frantar et al. 2022, arXiv:2210.17323, algorithm 1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from effq_core.tflite.packing import largest

_DAMPING = 0.01
"""Share of the mean diagonal that is added to it, so that the matrix can be inverted."""
_BLOCK = 128
"""Inputs rounded before the weights of all later ones are changed together."""


def gptq_integers(
    weights: npt.NDArray[np.float64],
    second: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    bits: int,
) -> npt.NDArray[np.int8]:
    """Rounds the weights of a layer so that its output changes least.

    Inputs come in the order of their falling mean square: what is rounded last cannot be made up
    for, and should matter least.

    Args:
        weights: ``(outputs, inputs)``.
        second: Mean of x xᵀ of the layer's inputs x, ``(inputs, inputs)``.
        scales: What an integer's step is worth, ``(outputs,)``.
        bits: Of an integer.

    Returns:
        int8 ``(outputs, inputs)``.
    """
    top, count = largest(bits), weights.shape[1]
    order = np.argsort(-second.diagonal(), kind="stable")
    hessian = second[np.ix_(order, order)].astype(np.float64)
    silent = hessian.diagonal() <= 0
    hessian[silent, silent] = 1.0
    hessian[np.diag_indices(count)] += _DAMPING * hessian.diagonal().mean()
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    left = weights[:, order].copy()
    left[:, silent] = 0.0  # their input is always zero: no photo can tell what they should be
    integers = np.zeros(weights.shape, np.int8)
    for begin in range(0, count, _BLOCK):
        end = min(begin + _BLOCK, count)
        errors = np.zeros((len(weights), end - begin))
        for j in range(begin, end):
            integer = np.clip(np.round(left[:, j] / scales), -top - 1, top)
            integers[:, order[j]] = integer
            errors[:, j - begin] = (left[:, j] - integer * scales) / upper[j, j]
            left[:, j:end] -= np.outer(errors[:, j - begin], upper[j, j:end])
        left[:, end:] -= errors @ upper[begin:end, end:]
    return integers
