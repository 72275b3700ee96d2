"""Integers of 8, 4 and 2 bits in bytes."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.tflite.packing import largest, packed, unpacked


@pytest.mark.parametrize(("bits", "stored"), [(8, [1, 254, 3]), (4, [0xE1, 0x03])])
def test_the_first_of_several_lies_in_the_low_bits(bits: int, stored: list[int]) -> None:
    assert packed(np.array([1, -2, 3], np.int8), bits).tolist() == stored


def test_four_two_bit_integers_share_a_byte() -> None:
    assert packed(np.array([1, -2, 0, -1, 1], np.int8), 2).tolist() == [0b11_00_10_01, 1]


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("shape", [(4, 6), (3, 5), (1, 1), (0, 4)])
def test_what_was_packed_comes_out_again(bits: int, shape: tuple[int, int]) -> None:
    top = largest(bits)
    values = np.random.default_rng(bits).integers(-top - 1, top + 1, shape).astype(np.int8)
    stored = packed(values, bits)
    assert len(stored) == -(-values.size * bits // 8)
    np.testing.assert_array_equal(unpacked(stored, bits, shape), values)


@pytest.mark.parametrize("value", [8, -9])
def test_what_needs_more_bits_is_refused(value: int) -> None:
    with pytest.raises(ModelError, match="beyond 4 bits"):
        packed(np.array([value], np.int8), 4)
