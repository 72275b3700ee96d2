"""From bits of blocks to bits of layers. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from effq_core.base.errors import ModelError
from effq_core.tflite.matrices import fitting_bits
from effq_core.tflite.network import Network
from effq_core.tflite.product_layers import Layer


def by_layer(layers: Iterable[Layer], network: Network, named: Mapping[str, int]) -> dict[str, int]:
    """Returns the bits of every layer, by name, where some blocks, layers or groups are named.

    A layer's own name counts more than its block's, and that more than a group's. A layer that
    cannot have so few bits gets the fewest it can have above; what nobody named has 8.

    Raises:
        ModelError: If the model has no such name, or nothing of it can have fewer bits.
    """
    products = {layer.tensor: layer for layer in layers}
    found = {layer.name: 8 for layer in products.values()}

    def wideness(name: str) -> int:
        return 0 if name in network.groups else 1 if name in network.by_name else 2

    for name in sorted(named, key=wideness):
        own = [products[each] for each in network.tensors_of([name]) if each in products]
        if not own:
            raise ModelError(
                f"Nothing in {name!r} can have fewer than 8 bits.",
                "Name blocks with 1×1 convolutions or a Dense layer.",
            )
        found |= {layer.name: fitting_bits(layer.op, named[name]) for layer in own}
    return found
