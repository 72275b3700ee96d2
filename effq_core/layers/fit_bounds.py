"""What sizes a model's file can have, before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import StageError
from effq_core.layers.fit_wording import FitLimits
from effq_core.tflite.matrices import IntegerKernel, fitting_bits, with_kernels
from effq_core.tflite.product_layers import Layer


def size_of(matrices: bytes, layers: tuple[Layer, ...], widths: Mapping[str, int]) -> int:
    """Returns the bytes of a file whose layers, by name, have these bits."""
    empty = {}
    for layer in layers:
        shape = layer.op.kernel.shape if layer.op.kernel else (0, 0)
        empty[layer.tensor] = IntegerKernel(
            values=np.zeros(shape, np.int8),
            scales=np.ones(shape[0]),
            bits=widths[layer.name],
            bias=np.zeros(shape[0]),
        )
    return len(with_kernels(matrices, empty))


def size_limit(
    matrices: bytes, layers: tuple[Layer, ...], int8_bytes: int, max_size: int | None
) -> FitLimits:
    """Returns the limit on the size: what was asked for, or that of 4 bits everywhere.

    Args:
        matrices: int8's file with matrix products.
        layers: Its layers whose weights can have few bits.
        int8_bytes: Size of int8's file.
        max_size: In KiB.

    Raises:
        StageError: If no file is so small, or int8 itself already is.
    """
    if not any(min(layer.bits) < 8 for layer in layers):
        raise StageError(
            "The model has no 1×1 convolution or Dense layer that can have fewer than 8 bits.",
            "Leave the variant out: int8 is as small as this model gets.",
        )
    least = size_of(matrices, layers, {layer.name: min(layer.bits) for layer in layers})
    if max_size is None:
        four = {layer.name: fitting_bits(layer.op, 4) for layer in layers}
        size = size_of(matrices, layers, four)
        return FitLimits(size_bytes=size, slowdown=None, asked_size=False)
    asked = max_size * fmt.KIB
    if asked < least:
        raise StageError(
            f"No file of this model is as small as {fmt.kib(asked)}: with the fewest bits "
            f"everywhere it takes {fmt.kib(least)}.",
            f"Allow {fmt.kib(-(-least // fmt.KIB) * fmt.KIB)} or more.",
        )
    if asked >= int8_bytes:
        raise StageError(
            f"int8 itself takes {fmt.kib(int8_bytes)}, which {fmt.kib(asked)} allow: there is "
            "nothing to fit.",
            "Allow less, or leave the variant out.",
        )
    return FitLimits(size_bytes=asked, slowdown=None, asked_size=True)
