"""How a list of layers ends: in a softmax, and where it can be in a head that can be replaced."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from effq_core.models.families.family import FEATURES, HEAD
from effq_core.models.own.flat import FlatLayer

SOFTMAX = "softmax_added"
_Weights = dict[str, list[np.ndarray[Any, Any]]]


def with_named_head(
    layers: list[FlatLayer], weights: _Weights, end: str, *, add_softmax: bool
) -> list[FlatLayer]:
    """Puts the softmax into a last Dense layer, and names the head and what feeds it.

    ``layers`` are in the order in which they can be built; ``end`` is the model's output.
    """
    made = list(layers)
    if add_softmax:
        made.append(FlatLayer(SOFTMAX, "Activation", {"activation": "softmax"}, (end,)))
        end = SOFTMAX
    by_name = {layer.name: layer for layer in made}
    users = Counter(name for layer in made for name in layer.inputs)
    last = by_name[end]
    made.remove(last)
    before = by_name.get(last.inputs[0])
    softmax = last.kind == "Activation" and last.config["activation"] == "softmax"
    dense = before is not None and before.kind == "Dense" and users[before.name] == 1
    if before and dense and softmax and is_linear(before):
        made.remove(before)
        last = replace(before, config={**before.config, "activation": "softmax"})
    made.append(last)
    head = last.kind == "Dense" and last.config.get("activation") == "softmax"
    feeding = last.inputs[0]
    if head and feeding in by_name:
        made[-1] = _with_bias(last, weights)
        made = _renamed(_renamed(made, weights, last.name, HEAD), weights, feeding, FEATURES)
    return made


def _with_bias(head: FlatLayer, weights: _Weights) -> FlatLayer:
    """Gives a head without a bias one of zeros, which a new head has as well."""
    if not head.config.get("use_bias", True):
        (kernel,) = weights[head.name]
        weights[head.name] = [kernel, np.zeros(kernel.shape[-1], np.float32)]
    return replace(head, config={**head.config, "use_bias": True})


def is_linear(layer: FlatLayer) -> bool:
    """Whether nothing follows a layer's sum."""
    return bool(layer.config.get("activation", "linear") == "linear")


def _renamed(layers: list[FlatLayer], weights: _Weights, old: str, new: str) -> list[FlatLayer]:
    if old in weights:
        weights[new] = weights.pop(old)
    return [
        replace(
            layer,
            name=new if layer.name == old else layer.name,
            inputs=tuple(new if name == old else name for name in layer.inputs),
        )
        for layer in layers
    ]
