"""A Keras model built for a fixed number of images, built again for any (imports Keras)."""

from typing import Any

from effq_core.base.errors import ModelError

_SHAPES = ("batch_shape", "batch_input_shape", "build_input_shape")
"""Where a configuration of Keras 2 or 3 says how many images come at a time."""


def with_open_batch(model: Any) -> Any:
    """Builds a model again, weights kept, for any number of images, or raises ModelError."""
    try:
        rebuilt = type(model).from_config(_opened(model.get_config()))
        rebuilt.set_weights(model.get_weights())
    except Exception as error:  # layers raise whatever they like of a shape
        first = (str(error).strip().splitlines() or [repr(error)])[0][:200].rstrip(".")
        raise ModelError(
            f"The model takes {model.inputs[0].shape[0]} images at a time and cannot be rebuilt "
            f"for one: {first}.",
            "Build it without a batch size, load its weights, and save it again.",
        ) from error
    return rebuilt


def _opened(value: Any, key: str = "") -> Any:
    if key in _SHAPES and isinstance(value, (list, tuple)) and value:
        return (None, *value[1:])
    if isinstance(value, dict):
        return {name: _opened(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_opened(each) for each in value]
    return value
