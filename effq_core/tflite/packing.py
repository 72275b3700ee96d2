"""How ``.tflite`` files store integers of fewer than eight bits: several to a byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError

BITS = {"INT8": 8, "INT4": 4, "INT2": 2}
"""Bits of a value by the type of its tensor."""


def largest(bits: int) -> int:
    """Returns the largest integer of so many bits; the smallest is one below its negative."""
    return int(2 ** (bits - 1)) - 1


def packed(values: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Packs integers, the first into the lowest bits of the first byte.

    Args:
        values: int8 of any shape, within the range of so many bits.
        bits: 8, 4 or 2.

    Raises:
        ModelError: If a value needs more bits.
    """
    top = largest(bits)
    if values.size and (values.min() < -top - 1 or values.max() > top):
        raise ModelError(f"A weight is beyond {bits} bits.", "This is a bug: please report it.")
    per_byte = 8 // bits
    flat = np.append(values.reshape(-1), np.zeros(-values.size % per_byte, np.int8))
    lanes = flat.astype(np.uint8).reshape(-1, per_byte) & (2**bits - 1)
    shifts = bits * np.arange(per_byte, dtype=np.uint8)
    whole: npt.NDArray[np.uint8] = np.bitwise_or.reduce(lanes << shifts, axis=1).astype(np.uint8)
    return whole


def unpacked(data: npt.NDArray[np.uint8], bits: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Returns the int8 values that :func:`packed` packed."""
    lanes = data[:, None] >> (bits * np.arange(8 // bits, dtype=np.uint8))
    values = (lanes << (8 - bits)).astype(np.uint8).view(np.int8) >> (8 - bits)
    return values.reshape(-1)[: int(np.prod(shape))].reshape(shape)
