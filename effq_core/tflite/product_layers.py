"""Layers whose weights can have few bits, by the names people know them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from effq_core.experiment.fitted import WIDTHS
from effq_core.tflite.file import Operator
from effq_core.tflite.matrices import fitting_bits, matrix_products
from effq_core.tflite.network import Network
from effq_core.tflite.packing import BITS


@dataclass(frozen=True)
class Layer:
    """A layer whose weights can have few bits."""

    name: str  # of the layer
    block: str  # it is in
    op: Operator  # in the integer file

    @property
    def tensor(self) -> str:
        """Name of what it makes."""
        return self.op.output.name

    @property
    def weights(self) -> int:
        """Number of its weights."""
        return self.op.kernel.values.size if self.op.kernel else 0

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits its weights can have, from many to few."""
        return tuple(bits for bits in WIDTHS if fitting_bits(self.op, bits) == bits)

    def size_bytes(self, bits: int) -> int:
        """Returns what its weights take."""
        return -(-self.weights * bits // 8)


def layers_of(matrices: bytes, network: Network) -> tuple[Layer, ...]:
    """Lists the layers of an integer file whose weights can have few bits, in order.

    Args:
        matrices: Its products are FULLY_CONNECTED.
        network: The float32 file's.
    """
    ops = {op.tensor: op for op in network.ops}
    found = [(ops[op.output.name], op) for op in matrix_products(matrices) if op.output.name in ops]
    names = [each.layer for each, _ in found]
    # A layer of two products has no name that tells them apart: they have their tensors'.
    return tuple(
        Layer(each.layer if names.count(each.layer) == 1 else each.tensor, each.block, op)
        for each, op in found
    )


def bits_in(file: bytes, network: Network) -> dict[str, int]:
    """Returns the bits of these layers' weights, by name, as a file stores them."""
    found = {layer.name: layer.op.kernel for layer in layers_of(file, network)}
    return {name: BITS.get(kernel.dtype, 32) for name, kernel in found.items() if kernel}


def blocks_of(layers: tuple[Layer, ...], widths: Mapping[str, int]) -> dict[str, float]:
    """Returns the mean bits of a weight by block, over layers that can have few."""
    bits: dict[str, int] = {}
    weights: dict[str, int] = {}
    for layer in layers:
        bits[layer.block] = bits.get(layer.block, 0) + layer.weights * widths[layer.name]
        weights[layer.block] = weights.get(layer.block, 0) + layer.weights
    return {block: round(bits[block] / weights[block], 2) for block in bits}
