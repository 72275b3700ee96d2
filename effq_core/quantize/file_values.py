"""A file's constants as numbers, in the order TensorFlow has them, and back. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.quantize.low_bits import float_kernels
from effq_core.tflite.file import Operator, Tensor, read_tflite
from effq_core.tflite.matrices import matrix_products
from effq_core.tflite.packing import BITS, largest

_CELL = 0.49
"""What still rounds to an integer lies this near, in steps."""
_INT32 = np.iinfo(np.int32)


def real_values(op: Operator, tensor: Tensor) -> npt.NDArray[Any]:
    """Returns what a constant's integers stand for; a kernel with its output channels last."""
    values = tensor.values
    if not len(tensor.scales):
        return values
    if tensor is op.kernel:
        values = _channels_last(op, values)
    real = (values.astype(np.float64) - tensor.zero_points) * tensor.scales
    return real.astype(np.float32)


def product_floats(file: bytes, float32: bytes) -> dict[str, npt.NDArray[np.float64]]:
    """Returns the float weights of a file's matrix products, by the name of what each makes."""
    floats = float_kernels(float32)
    names = (op.output.name for op in matrix_products(file))
    return {name: floats[name][0] for name in names if name in floats}


def started_values(
    op: Operator, tensor: Tensor, floats: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Returns what a kernel is trained from: float weights, as far as they round to its integers.

    From the integers themselves, half a step away from any other, few weights would ever change.

    Args:
        floats: The weights it was rounded from, in the file's order.
    """
    scales = np.reshape(tensor.scales, (-1, *[1] * (floats.ndim - 1)))
    integers = tensor.values.astype(np.float64)
    near = np.clip(floats / scales, integers - _CELL, integers + _CELL)
    start = np.clip(near, *kernel_ends(BITS[tensor.dtype])) * scales
    return _channels_last(op, start).astype(np.float32)


def kernel_ends(bits: int) -> tuple[int, int]:
    """Returns the smallest and largest integer of a kernel: with 8 bits, -127 and 127."""
    top = largest(bits)
    return (-top if bits == 8 else -top - 1), top


def trained_integers(
    file: bytes, weights: Mapping[str, list[npt.NDArray[np.float32]]]
) -> dict[int, npt.NDArray[Any]]:
    """Returns the integers of trained kernels and biases, by number of their tensor.

    Args:
        file: The file that was trained.
        weights: Of the layers of its network (:mod:`effq_core.quantize.file_network`), by name.
    """
    found: dict[int, npt.NDArray[Any]] = {}
    for op in read_tflite(file).main.operators:
        for values in weights.get(f"op_{op.index}", ()):
            tensor = op.inputs[1 if values.ndim > 1 else 2]
            if tensor is not None:
                found[tensor.index] = _integers(op, tensor, values.astype(np.float64))
    return found


def _integers(op: Operator, tensor: Tensor, values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    integers = np.round(values / tensor.scales)
    if tensor is not op.kernel:
        return np.clip(integers, _INT32.min + 1, _INT32.max).astype(np.int32)
    integers = np.clip(integers, *kernel_ends(BITS[tensor.dtype])).astype(np.int8)
    if op.kind.channel_axis == 0:
        integers = np.moveaxis(integers, -1, 0)
    return np.ascontiguousarray(integers.reshape(tensor.shape))


def _channels_last(op: Operator, kernel: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if op.kind.channel_axis == 0:
        return np.moveaxis(kernel, 0, -1)
    return kernel.reshape(kernel.shape[1:])  # a depthwise one: its first side is 1
