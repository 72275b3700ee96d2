"""Arithmetic on the image in front of a network's first layer, which becomes one exact operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from effq_core.models.card import Normalisation
from effq_core.photos.image_input import COLOUR, GREY


def tensors_of(node: Any, new: str, old: str) -> list[Any]:
    """Returns a node's tensors by the attribute Keras 3 has them under, or by that of Keras 2."""
    found = getattr(node, new, None)
    if found is None or (old == "outputs" and not hasattr(node, "operation")):
        found = getattr(node, old)
    return list(found) if isinstance(found, (list, tuple)) else [found]


def arguments_of(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """Returns what an operation was called with: by place and by name."""
    arguments = getattr(node, "arguments", None)
    if arguments is not None:
        return list(arguments.args), dict(arguments.kwargs)
    return list(node.call_args), dict(node.call_kwargs)


def constant_of(node: Any) -> _Array | None:
    """Returns the number an operation has beside its tensor, where the tensor comes first."""
    args, kwargs = arguments_of(node)
    for name in ("name", "data_format"):
        kwargs.pop(name, None)
    rest = [*args[1:], *kwargs.values()]
    if len(rest) != 1 or isinstance(args[0] if args else None, (int, float)):
        return None
    try:
        return np.asarray(rest[0], float)
    except (TypeError, ValueError):
        return None


def as_affine(layer: Any) -> tuple[_Array, _Array]:
    """Returns the scale and offset a channel that a batch normalisation is at inference."""
    given, arrays = layer.get_config(), list(layer.get_weights())
    gamma = arrays.pop(0) if given.get("scale", True) else 1.0
    beta = arrays.pop(0) if given.get("center", True) else 0.0
    mean, variance = arrays
    scale = gamma / np.sqrt(variance + given["epsilon"])
    return scale, beta - mean * scale


def activation_of(value: Any) -> str:
    """Names an activation whatever way a configuration writes it."""
    if value is None:
        return "linear"
    if isinstance(value, dict):
        config = value.get("config")
        value = config if isinstance(config, str) else value.get("class_name")
    name = str(value)
    return "swish" if name == "silu" else name


def plain_value(value: Any) -> Any:
    """Returns JSON values in place of tuples and NumPy numbers."""
    if isinstance(value, (list, tuple)):
        return [plain_value(each) for each in value]
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


_Array = np.ndarray[Any, Any]
_LAST = (-1, 3, [-1], [3])


@dataclass(frozen=True)
class Affine:
    """The image's channels in some order, each times a scale plus an offset; not yet a layer."""

    scale: _Array  # factors, one a channel
    offset: _Array  # summands
    order: tuple[int, ...] = (0, 1, 2)  # which of R, G and B each is; ``(0,)``: grey
    single: bool = False  # whether it is one channel without an axis, as ``x[..., 0]``
    sides: tuple[int, ...] = ()  # what it is reshaped to, without an axis for grey

    @classmethod
    def of(
        cls, normalisation: Normalisation | None, channels: int, sides: tuple[int, ...] = ()
    ) -> Affine:
        """Returns what preprocessing makes of the image; the image itself for none."""
        whole = tuple(range(channels))
        if normalisation is None:
            return cls(np.ones(channels), np.zeros(channels), whole, sides=sides)
        scale, offset = np.array(normalisation.scale), np.array(normalisation.offset)
        return cls(scale, offset, normalisation.order if channels == COLOUR else whole, sides=sides)

    @property
    def normalisation(self) -> Normalisation | None:
        """What can be kept of it; ``None`` where it is the image as it is."""
        channels = len(self.order)
        made = Normalisation(tuple(map(float, self.scale)), tuple(map(float, self.offset)))
        if channels != GREY:
            first, second, third = (int(each) for each in self.order)
            made = replace(made, order=(first, second, third))
        return None if made == Normalisation((1.0,) * channels, (0.0,) * channels) else made

    def then(self, scale: _Array, offset: _Array) -> Affine | None:
        """Scales and shifts; ``None`` where that is not by one number, or one a channel."""
        scale, offset = scale.reshape(-1), offset.reshape(-1)
        fitting = (1, len(self.order))
        if self.single or scale.size not in fitting or offset.size not in fitting:
            return None
        return replace(self, scale=self.scale * scale, offset=self.offset * scale + offset)

    def taken(self, channels: Sequence[int], *, single: bool = False) -> Affine:
        """Picks channels."""
        rows = [range(len(self.order))[channel] for channel in channels]
        order = tuple(self.order[row] for row in rows)
        return Affine(self.scale[rows], self.offset[rows], order, single)


def rearranged(name: str, node: Any, values: Sequence[Any]) -> Affine | None:
    """Follows an operation that only picks or orders channels, as BGR does; else ``None``."""
    if not all(isinstance(value, Affine) and not value.sides for value in values):
        return None
    try:
        if name in ("Stack", "stack"):
            return _stacked(node, values)
        image = values[0]
        if image.single or len(values) != 1:
            return None
        if name in ("GetItem", "__operators__.getitem"):
            return _sliced(node, image)
        if name in ("Flip", "reverse"):
            axis = _setting(node, "axis", 1)
            return image.taken(range(len(image.order))[::-1]) if axis in _LAST else None
        if name in ("Take", "compat.v1.gather") and _setting(node, "axis", 2) in _LAST:
            chosen = np.asarray(_setting(node, "indices", 1))
            return image.taken(chosen.tolist()) if chosen.shape == (3,) else None
    except (IndexError, TypeError, ValueError):
        return None  # not of three channels, or not of the last axis
    return None


def _stacked(node: Any, values: Sequence[Affine]) -> Affine | None:
    if _setting(node, "axis", 1) not in _LAST or not all(each.single for each in values):
        return None
    return Affine(
        np.concatenate([each.scale for each in values]),
        np.concatenate([each.offset for each in values]),
        tuple(channel for each in values for channel in each.order),
    )


def _sliced(node: Any, image: Affine) -> Affine | None:
    spec = _setting(node, "slice_spec", 1)
    parts = [_part(each) for each in (spec if isinstance(spec, (list, tuple)) else [spec])]
    *before, last = parts
    whole = before == [Ellipsis] or (len(before) == 3 and all(e == slice(None) for e in before))
    if not whole:
        return None
    if isinstance(last, slice):
        return image.taken(range(len(image.order))[last])
    return image.taken([int(last)], single=True)


def _part(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__ellipsis__":
            return Ellipsis
        return slice(value["start"], value["stop"], value["step"])
    return value


def _setting(node: Any, name: str, place: int) -> Any:
    args, kwargs = arguments_of(node)
    if name in kwargs:
        return kwargs[name]
    if len(args) > place:
        return args[place]
    return getattr(getattr(node, "operation", None), name, None)


_ADD = ("Add", "__operators__.add", "math.add", "nn.bias_add")
_SUBTRACT = ("Subtract", "__operators__.sub", "math.subtract")
_MULTIPLY = ("Multiply", "__operators__.mul", "math.multiply")
_DIVIDE = ("Divide", "TrueDivide", "__operators__.truediv", "math.truediv", "math.divide")
BOTH = dict.fromkeys(_ADD, "Add") | dict.fromkeys(_MULTIPLY, "Multiply")
"""Operations that are a layer where both sides are tensors."""


def scaled(name: str, node: Any) -> tuple[_Array, _Array] | None:
    """Returns the scale and offset that an operation with a constant is; ``None``: another one."""
    constant = constant_of(node)
    if constant is None:
        return None
    one, zero = np.ones(1), np.zeros(1)
    if name in _ADD:
        return one, constant
    if name in _SUBTRACT:
        return one, -constant
    if name in _MULTIPLY:
        return constant, zero
    if name in _DIVIDE and np.all(constant):
        return 1 / constant, zero
    return None
