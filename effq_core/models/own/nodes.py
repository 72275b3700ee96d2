"""Where Keras 2 and Keras 3 say the same thing in different words."""

from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]


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
