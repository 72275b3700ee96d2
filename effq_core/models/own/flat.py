"""A model as a list of plain layers: what an added model is kept and rebuilt as."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.base.tensorflow import keras
from effq_core.models.card import Normalisation
from effq_core.models.families.family import FEATURES, HEAD, NORMALISE
from effq_core.models.own.card import FLAT_FILE
from effq_core.photos.image_input import COLOUR, ImageInput

INPUT = "image"
ACTIVATIONS = ("linear", "relu", "relu6", "swish", "sigmoid", "softmax")  # with ranges in QAT
_MOST_LAYERS = 5_000


@dataclass(frozen=True)
class FlatLayer:
    """One layer."""

    name: str  # unique in the model
    kind: str  # of :data:`KINDS`
    config: dict[str, Any]  # its settings, JSON values
    inputs: tuple[str, ...]  # names of layers, or :data:`INPUT`


@dataclass(frozen=True)
class FlatModel:
    """A model's layers in the order in which they can be built; the last one is its output."""

    image_size: int  # side of the square input in pixels
    layers: tuple[FlatLayer, ...]  # from the input to the output
    channels: int = COLOUR  # of the input; 1 where it is grey

    @property
    def head_problem(self) -> str:
        """Why the last layer cannot be replaced by one for other classes; empty where it can."""
        names = {layer.name for layer in self.layers}
        if HEAD not in names or FEATURES not in names:
            return "its last layer is not a Dense layer with a softmax"
        return ""

    def with_classes(self, classes: int) -> FlatModel:
        """Returns the same layers under a head of another width."""
        layers = tuple(
            replace(each, config={**each.config, "units": classes}) if each.name == HEAD else each
            for each in self.layers
        )
        return replace(self, layers=layers)

    def write(self, folder: Path) -> None:
        """Writes the layers, without weights, into a folder."""
        rows = [
            {"name": e.name, "kind": e.kind, "config": e.config, "inputs": e.inputs}
            for e in self.layers
        ]
        entry = ImageInput(self.image_size, channels=self.channels).to_plain()
        plain = {"format": 1, **entry, "layers": rows}
        (folder / FLAT_FILE).write_text(json.dumps(plain, sort_keys=True), encoding="ascii")

    @classmethod
    def read(cls, folder: Path) -> FlatModel:
        """Reads what :meth:`write` wrote, trusting none of it, or raises ModelError."""
        try:
            plain = json.loads((folder / FLAT_FILE).read_text(encoding="ascii"))
            rows = plain["layers"]
            if plain["format"] != 1 or len(rows) > _MOST_LAYERS:
                raise ValueError(f"format {plain['format']}, {len(rows)} layers")
            layers = tuple(
                FlatLayer(str(r["name"]), str(r["kind"]), dict(r["config"]), tuple(r["inputs"]))
                for r in rows
            )
            entry = ImageInput.from_plain(plain)
            return cls(entry.side, layers, entry.channels)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"The model's list of layers cannot be read: {type(error).__name__}.",
                "Add the model again.",
            ) from error


def build_flat(flat: FlatModel) -> Any:
    """Builds a flat ``tf_keras.Model``, 0-255 to ``(n, classes)``; may raise ModelError."""
    side = flat.image_size
    tensors: dict[str, Any] = {INPUT: keras.Input((side, side, flat.channels), name=INPUT)}
    for layer in flat.layers:
        try:
            given = [tensors[name] for name in layer.inputs]
            tensors[layer.name] = _make(layer)(given if len(given) > 1 else given[0])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ModelError(
                f"The layer {layer.name!r} ({layer.kind}) cannot be built: {str(error)[:200]}.",
                "Add the model again.",
            ) from error
    return keras.Model(tensors[INPUT], tensors[flat.layers[-1].name], name="own")


def normalise_layer(normalisation: Normalisation) -> FlatLayer:
    """Returns the layer that writes preprocessing into the graph, as bundled models have it."""
    return FlatLayer(NORMALISE, "Normalise", normalisation.plain(), (INPUT,))


def normalise_weights(layer: FlatLayer) -> list[np.ndarray[Any, Any]]:
    """Returns the weights of :func:`normalise_layer`."""
    scale = np.asarray(layer.config["scale"], np.float32)
    offset = np.asarray(layer.config["offset"], np.float32)
    if "order" not in layer.config:
        return [scale.reshape(1, 1, -1, 1), offset]
    # Channels in another order: a 1x1 convolution that takes each output from one input.
    return [np.eye(3, dtype=np.float32)[:, layer.config["order"]][None, None] * scale, offset]


@dataclass(frozen=True)
class Kind:
    """What a kind of layer may be told."""

    make: Callable[..., Any]
    settings: tuple[str, ...] = ()  # names of its settings
    # Says why QAT cannot take a setting's value; ``None`` where it can.
    refuse: Callable[[dict[str, Any]], str | None] = field(default=lambda config: None)


def _refuse_conv(config: dict[str, Any]) -> str | None:
    if config.get("groups", 1) != 1:
        return "grouped convolution"
    if config.get("depth_multiplier", 1) != 1:
        return "a depth multiplier"
    return _refuse_activation(config)


def _refuse_activation(config: dict[str, Any]) -> str | None:
    activation = config.get("activation", "linear")
    return None if activation in ACTIVATIONS else f"the activation {activation}"


def _refuse_relu(config: dict[str, Any]) -> str | None:
    plain = not config.get("negative_slope") and not config.get("threshold")
    return None if plain and config.get("max_value") in (None, 6, 6.0) else "its slope or limit"


def _normalise(*, name: str, order: Any = None, **_: Any) -> Any:
    if order is None:
        return keras.layers.DepthwiseConv2D(1, trainable=False, name=name)
    return keras.layers.Conv2D(3, 1, trainable=False, name=name)


_CONV = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_POOL = ("pool_size", "strides", "padding")
_L = keras.layers

KINDS: dict[str, Kind] = {
    "Normalise": Kind(_normalise, ("scale", "offset", "order")),
    "Conv2D": Kind(_L.Conv2D, ("filters", *_CONV), _refuse_conv),
    "DepthwiseConv2D": Kind(_L.DepthwiseConv2D, _CONV, _refuse_conv),
    "Dense": Kind(_L.Dense, ("units", "activation", "use_bias"), _refuse_activation),
    "BatchNormalization": Kind(_L.BatchNormalization, ("epsilon", "center", "scale")),
    "Activation": Kind(_L.Activation, ("activation",), _refuse_activation),
    "ReLU": Kind(_L.ReLU, ("max_value",), _refuse_relu),
    **{name: Kind(getattr(_L, name)) for name in ("Add", "Multiply", "Flatten")},
    "Concatenate": Kind(_L.Concatenate, ("axis",)),
    **{name: Kind(getattr(_L, name), _POOL) for name in ("MaxPooling2D", "AveragePooling2D")},
    "GlobalAveragePooling2D": Kind(_L.GlobalAveragePooling2D, ("keepdims",)),
    "Reshape": Kind(_L.Reshape, ("target_shape",)),
    "ZeroPadding2D": Kind(_L.ZeroPadding2D, ("padding",)),
}
"""Layers that can be kept, and fine-tuned with fake-quant."""


def _make(layer: FlatLayer) -> Any:
    kind = KINDS[layer.kind]
    config = {name: layer.config[name] for name in kind.settings if name in layer.config}
    if _refuse_activation({"activation": config.get("activation", "linear")}):
        raise ValueError(f"no activation {config['activation']!r}")
    return kind.make(**config, name=layer.name)


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
