"""Models trained in half precision, rebuilt in float32: what is quantized starts there."""

from typing import Any

_OTHERS = frozenset(
    ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64", "half", "double")
)
_NAMED = ("dtype", "compute_dtype", "variable_dtype")


def in_float32(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Rebuilds a functional or sequential model whose layers compute in another precision.

    Returns the same layers and weights in float32, or the model itself where it is; and the names
    of the precisions it had.
    """
    found: set[str] = set()
    config = _float32(model.get_config(), found)
    if not found:
        return model, ()
    made = type(model).from_config(config)
    if not made.built:
        made.build(model.input_shape)
    made.set_weights(model.get_weights())
    return made, tuple(sorted(found))


def _float32(value: Any, found: set[str], name: str = "") -> Any:
    if isinstance(value, dict):
        policy = "Policy" in str(value.get("class_name", ""))
        inner = value.get("config")
        if policy and isinstance(inner, dict) and inner.get("name") in _OTHERS:
            found.add(str(inner["name"]))
            return {**value, "config": {**inner, "name": "float32"}}
        # A tensor between layers has the precision of the layer that makes it.
        told = set[str]() if str(value.get("class_name")).startswith("__") else found
        return {key: _float32(each, told, key) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_float32(each, found) for each in value)
    if name in _NAMED and isinstance(value, str) and value in _OTHERS:
        found.add(value)
        return "float32"
    return value
