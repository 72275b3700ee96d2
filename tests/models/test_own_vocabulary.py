"""What a Keras configuration may name, judged as data: nothing is loaded in these tests."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.errors import ModelError
from effq_core.models.own.vocabulary import check_config

TF_INITIALIZERS = "tensorflow.python.ops.init_ops_v2"


def layer(kind: str, **fields: Any) -> dict[str, Any]:
    return {"class_name": kind, "module": "keras.layers", "config": {"name": "it"}, **fields}


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Functional", "module": "keras", "config": {"layers": list(layers)}}


def test_known_layers_are_counted_and_the_input_is_none() -> None:
    assert check_config(model(layer("InputLayer"), layer("Conv2D"), layer("Dense"))) == 2


def test_what_stock_keras_2_models_take_from_tensorflow_is_known() -> None:
    """EfficientNetV2 of tf_keras.applications has such an initializer in its head."""
    zeros = {"class_name": "Constant", "module": TF_INITIALIZERS, "config": {"value": 0}}
    zeros["registered_name"] = "Constant"
    assert check_config(model(layer("Dense", config={"bias_initializer": zeros}))) == 1


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (layer("Lambda"), "Lambda layer ('it')"),
        (layer("Dense", config={"activation": {"class_name": "__lambda__"}}), "byte code"),
        (layer("Mine", registered_name="pkg>Mine"), "pkg>Mine"),
        (layer("Dense", registered_name="Custom>Dense"), "Custom>Dense"),
        (layer("system", module="os"), "os.system"),
        (layer("Dense", module="keras_evil.layers"), "keras_evil.layers.Dense"),
        (layer("Dense", module=TF_INITIALIZERS), f"{TF_INITIALIZERS}.Dense"),
        (layer("Assert", module=TF_INITIALIZERS), f"{TF_INITIALIZERS}.Assert"),
        (layer("TFSMLayer"), "TFSMLayer"),
        (layer("StringLookup"), "StringLookup"),
        (layer("Wrapper", config={"layer": layer("Dense")}), "Wrapper"),
        (layer("TFOpLambda", config={"function": "io.write_file"}), "io.write_file"),
        (layer("TFOpLambda", config={}), "None"),
        (layer("SlicingOpLambda", config={"function": "math.add"}), "math.add"),
        (layer("LoadTxt", module="keras.src.ops.numpy"), "LoadTxt"),
        (layer("Dense", config={"activation": "my_function"}), "my_function"),
        (
            layer("Dense", config={"activation": {"class_name": "function", "config": "eval"}}),
            "eval",
        ),
        (layer(["Dense"]), "Dense"),  # type: ignore[arg-type]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_and_named(bad: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError) as refused:
        check_config(model(layer("Conv2D"), bad))
    assert named in refused.value.message
    assert refused.value.hint


def test_a_lambda_hidden_in_a_nested_model_is_found() -> None:
    with pytest.raises(ModelError, match="Lambda"):
        check_config(model(model(layer("Dense"), model(layer("Lambda")))))


def test_what_is_never_built_is_not_judged() -> None:
    optimizer = {"class_name": "MyLoss", "module": "mine"}
    assert check_config({**model(layer("Dense")), "compile_config": optimizer}) == 1


def test_a_configuration_deeper_than_python_can_recurse_is_walked() -> None:
    deep: dict[str, Any] = layer("Lambda")
    for _ in range(50_000):
        deep = {"config": deep}
    with pytest.raises(ModelError, match="Lambda"):
        check_config(deep)
