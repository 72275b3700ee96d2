"""From a loaded Keras model, of Keras 2 or 3, to plain layers and their weights."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from effq_core.intake.input_shape import InputShape
from effq_core.intake.two_classes import OneOutput, with_two_classes
from effq_core.models.card import Normalisation
from effq_core.models.families.family import FEATURES, HEAD, NORMALISE
from effq_core.models.own.bounds import words
from effq_core.models.own.flat import (
    INPUT,
    KINDS,
    SOFTMAX,
    FlatLayer,
    FlatModel,
    is_linear,
    normalise_layer,
    normalise_weights,
    with_named_head,
)
from effq_core.models.own.image import (
    BOTH,
    Affine,
    activation_of,
    as_affine,
    plain_value,
    rearranged,
    scaled,
    tensors_of,
)
from effq_core.models.own.vocabulary import AUGMENTING
from effq_core.photos.image_input import COLOUR

_Array = np.ndarray[Any, Any]
_NO_CHANNEL = "without_channel"
_RESERVED = frozenset({INPUT, HEAD, FEATURES, NORMALISE, SOFTMAX})
_SKIPPED = AUGMENTING | words("""
    Dropout SpatialDropout2D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization
    Identity RandomFlip RandomRotation RandomZoom RandomContrast RandomTranslation RandomBrightness
""")


@dataclass(frozen=True)
class Flattened:
    """A model laid open."""

    flat: FlatModel  # its layers; meaningless where there are problems
    weights: dict[str, list[_Array]]  # float32 arrays by layer
    problems: tuple[str, ...]  # what cannot be kept as layers, each naming the layer


_Value = str | Affine


def flatten(
    model: Any,
    entry: int | InputShape,
    normalisation: Normalisation | None,
    *,
    add_softmax: bool,
    one_output: OneOutput | None = None,
) -> Flattened:
    """Lays a functional or sequential model of ``tf_keras`` or ``keras`` open.

    ``entry``: a number is the side of a square in colour. ``one_output``: what its only output is.
    """
    if isinstance(entry, int):
        entry = InputShape(entry, False, COLOUR, False, None)
    side, channels = entry.side, entry.channels
    work = _Flattening(channels)
    sides = (side, side) if entry.flat else ()
    (output,) = work.walk(model, [Affine.of(normalisation, channels, sides)])
    end = work.name_of(output)
    layers = work.layers
    if one_output is not None and not work.problems:
        end, problem = with_two_classes(layers, work.weights, end, one_output)
        work.problems += [problem] * bool(problem)
    if not work.problems:
        layers = with_named_head(layers, work.weights, end, add_softmax=add_softmax)
    flat = FlatModel(side, tuple(layers), channels)
    return Flattened(flat, work.weights, tuple(dict.fromkeys(work.problems)))


class _Flattening:
    def __init__(self, channels: int) -> None:
        self._channels = channels
        self.layers: list[FlatLayer] = []
        self.weights: dict[str, list[_Array]] = {}
        self.problems: list[str] = []
        self._names: set[str] = set(_RESERVED)
        self._placed: set[int] = set()

    def walk(self, model: Any, inputs: list[_Value]) -> list[_Value]:
        """Emits a model's layers in the order of its graph."""
        graph = getattr(model, "_functional", None) or model
        known: dict[int, _Value] = {id(t): v for t, v in zip(graph.inputs, inputs, strict=True)}
        by_depth = graph._nodes_by_depth
        for depth in sorted(by_depth, reverse=True):
            for node in by_depth[depth]:
                layer = getattr(node, "operation", None) or node.layer
                given = tensors_of(node, "input_tensors", "keras_inputs")
                if not given or type(layer).__name__ == "InputLayer":
                    continue
                values = [known[id(tensor)] for tensor in given]
                made = self._node(layer, node, given, values)
                outputs = tensors_of(node, "output_tensors", "outputs")
                for tensor, value in zip(outputs, made, strict=True):
                    known[id(tensor)] = value
        return [known[id(tensor)] for tensor in graph.outputs]

    def _node(self, layer: Any, node: Any, given: list[Any], values: list[_Value]) -> list[_Value]:
        if hasattr(layer, "_nodes_by_depth") or hasattr(layer, "_functional"):
            return self.walk(layer, values)
        kind = type(layer).__name__
        if layer.weights if hasattr(layer, "weights") else ():
            if id(layer) in self._placed:
                return [self._refuse(layer, kind, "used twice", values)]
            self._placed.add(id(layer))
        if kind in _SKIPPED:
            return values[:1]
        if kind in ("Rescaling", "Normalization"):
            return [self._scaled(layer, kind, values)]
        lambdas = kind in ("TFOpLambda", "SlicingOpLambda")
        if lambdas or type(layer).__module__.startswith("keras.src.ops."):
            name = layer.get_config().get("function", kind) if lambdas else kind
            return [self._operation(layer, str(name), node, values)]
        maker = getattr(self, f"_make_{kind.lower()}", None)
        if maker is None and kind not in KINDS:
            return [self._refuse(layer, kind, "", values)]
        names = [self.name_of(value) for value in values]
        ranks = [len(tensor.shape) for tensor in given]
        return [maker(layer, names, ranks) if maker else self._plain(layer, kind, names)]

    def name_of(self, value: _Value) -> str:
        """Returns the layer a value comes from; makes one of arithmetic on the image."""
        if isinstance(value, str):
            return value
        if value.sides:
            return self._reshaped(self.name_of(replace(value, sides=())), value.sides)
        if value.single or len(value.order) != self._channels:
            self.problems.append("channels of the image by themselves")
            return INPUT
        if (normalisation := value.normalisation) is None:
            return INPUT
        made = normalise_layer(normalisation)
        for each in self.layers:
            if each.kind == made.kind and each.config == made.config:
                return each.name
        if any(each.name == NORMALISE for each in self.layers):
            made = replace(made, name=self._unique("normalise_too"))
        self.layers.append(made)
        self.weights[made.name] = normalise_weights(made)
        return made.name

    def _reshaped(self, name: str, sides: tuple[int, ...]) -> str:
        for each in self.layers:
            if each.name.startswith(_NO_CHANNEL) and each.inputs == (name,):
                return each.name
        return self._add(_NO_CHANNEL, "Reshape", {"target_shape": [*sides]}, [name]).name

    def _unique(self, name: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:60].strip("_") or "layer"
        made, number = plain, 1
        while made in self._names:
            number += 1
            made = f"{plain}_{number}"
        self._names.add(made)
        return made

    def _add(
        self,
        name: str,
        kind: str,
        config: dict[str, Any],
        inputs: list[str],
        weights: list[_Array] | None = None,
    ) -> FlatLayer:
        reason = KINDS[kind].refuse(config)
        if reason is not None:
            self.problems.append(f"{name} ({kind}: {reason})")
        made = FlatLayer(self._unique(name), kind, config, tuple(inputs))
        self.layers.append(made)
        if weights:
            self.weights[made.name] = [np.asarray(array, np.float32) for array in weights]
        return made

    def _refuse(self, layer: Any, kind: str, why: str, values: list[_Value]) -> _Value:
        self.problems.append(f"{layer.name} ({kind}{': ' if why else ''}{why})")
        return values[0]

    def _plain(self, layer: Any, kind: str, inputs: list[str]) -> _Value:
        given = layer.get_config()
        if given.get("data_format", "channels_last") not in ("channels_last", None):
            return self._refuse(layer, kind, "channels first", list(inputs))
        config = {name: plain_value(given[name]) for name in KINDS[kind].settings if name in given}
        if "activation" in config:
            config["activation"] = activation_of(given["activation"])
        for extra in ("groups", "depth_multiplier", "negative_slope", "threshold"):
            if extra in given:
                config[extra] = plain_value(given[extra])
        return self._add(layer.name, kind, config, inputs, layer.get_weights()).name

    def _make_activation(self, layer: Any, names: list[str], _ranks: list[int]) -> _Value:
        activation = activation_of(layer.get_config()["activation"])
        if activation == "linear":
            return names[0]
        return self._add(layer.name, "Activation", {"activation": activation}, names).name

    def _make_softmax(self, layer: Any, names: list[str], ranks: list[int]) -> _Value:
        if layer.get_config().get("axis", -1) not in (-1, ranks[0] - 1):
            return self._refuse(layer, "Softmax", "another axis", list(names))
        return self._add(layer.name, "Activation", {"activation": "softmax"}, names).name

    def _make_dense(self, layer: Any, names: list[str], ranks: list[int]) -> _Value:
        if ranks[0] != 2:
            return self._refuse(layer, "Dense", "on more than a vector", list(names))
        return self._plain(layer, "Dense", names)

    def _make_concatenate(self, layer: Any, names: list[str], ranks: list[int]) -> _Value:
        if layer.get_config().get("axis", -1) not in (-1, ranks[0] - 1):
            return self._refuse(layer, "Concatenate", "another axis", list(names))
        return self._plain(layer, "Concatenate", names)

    def _make_separableconv2d(self, layer: Any, names: list[str], _ranks: list[int]) -> _Value:
        """Two layers in one: a depthwise convolution and a 1x1 one."""
        given = layer.get_config()
        depthwise, pointwise, *bias = layer.get_weights()
        same = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")
        first = {name: plain_value(given[name]) for name in same} | {"use_bias": False}
        name = self._add(f"{layer.name}_dw", "DepthwiseConv2D", first, names, [depthwise]).name
        second = {
            "filters": given["filters"],
            "kernel_size": [1, 1],
            "activation": activation_of(given["activation"]),
            "use_bias": given["use_bias"],
        }
        return self._add(layer.name, "Conv2D", second, [name], [pointwise, *bias]).name

    def _make_batchnormalization(self, layer: Any, names: list[str], ranks: list[int]) -> _Value:
        given = layer.get_config()
        axis = given["axis"]
        axis = axis[0] if isinstance(axis, (list, tuple)) else axis
        if axis not in (-1, ranks[0] - 1):
            return self._refuse(layer, "BatchNormalization", "another axis", list(names))
        before = next((each for each in self.layers if each.name == names[0]), None)
        conv = before is not None and before.kind in ("Conv2D", "DepthwiseConv2D")
        alone = not any(names[0] in each.inputs for each in self.layers)
        if before and conv and alone and is_linear(before):
            return self._plain(layer, "BatchNormalization", names)
        if ranks[0] != 4:
            return self._refuse(layer, "BatchNormalization", "not after a convolution", list(names))
        # In inference it is x * scale + offset a channel, which is one exact operator as well.
        scale, offset = as_affine(layer)
        config = {"kernel_size": [1, 1], "use_bias": True}
        kernel = scale.reshape(1, 1, -1, 1)
        return self._add(layer.name, "DepthwiseConv2D", config, names, [kernel, offset]).name

    def _scaled(self, layer: Any, kind: str, values: list[_Value]) -> _Value:
        if kind == "Rescaling":
            scale, offset = np.asarray(layer.scale, float), np.asarray(layer.offset, float)
        else:
            if getattr(layer, "invert", False):
                return self._refuse(layer, kind, "inverted", values)
            mean, variance = np.asarray(layer.mean, float), np.asarray(layer.variance, float)
            scale = 1 / np.maximum(np.sqrt(variance), 1e-7)
            offset = -mean * scale
        return self._affine(layer, kind, values, scale, offset)

    def _affine(
        self, layer: Any, kind: str, values: list[_Value], scale: _Array, offset: _Array
    ) -> _Value:
        before = values[0]
        made = before.then(scale, offset) if isinstance(before, Affine) else None
        return made or self._refuse(layer, kind, "inside the network", values)

    def _operation(self, layer: Any, name: str, node: Any, values: list[_Value]) -> _Value:
        if (image := rearranged(name, node, values)) is not None:
            return image
        if len(values) == 2 and name in BOTH:
            names = [self.name_of(each) for each in values]
            return self._add(layer.name, BOTH[name], {}, names).name
        made = scaled(name, node) if len(values) == 1 else None
        if made is None:
            return self._refuse(layer, name, "", values)
        return self._affine(layer, name, values, *made)
