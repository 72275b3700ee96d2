"""What a Keras configuration may name, judged as data: nothing is loaded in these tests."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from effq_core.errors import ModelError
from effq_core.models.own.vocabulary import NEVER_BUILT, check_config
from tests.models.own_files import keras_of

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
    compiled = {**model(layer("Dense")), "compile_config": optimizer}
    assert check_config(compiled, NEVER_BUILT) == 1
    with pytest.raises(ModelError, match="MyLoss"):  # an .h5 file: Keras builds it
        check_config(compiled)


GET_FILE = {"class_name": "function", "module": "keras.utils", "config": "get_file"}


@pytest.mark.parametrize(
    "name", ["compile_config", "build_config", "training_config", "build_input_shape"]
)
@pytest.mark.parametrize(
    ("hidden", "named"),
    [(layer("Lambda"), "Lambda"), (GET_FILE, "get_file"), (layer("MyLoss", module="m"), "MyLoss")],
)
def test_no_name_hides_a_program_in_a_model_inside(
    name: str, hidden: dict[str, Any], named: str
) -> None:
    inside = {**model(layer("Dense")), name: {"loss": hidden}}
    with pytest.raises(ModelError, match=named):
        check_config(model(inside), NEVER_BUILT)
    beside = {**model(layer("Dense")), "config": {name: {"loss": hidden}}}
    with pytest.raises(ModelError, match=named):
        check_config(beside, NEVER_BUILT)


@pytest.mark.parametrize("major", [2, 3])
def test_a_compiled_model_inside_of_another_is_known(major: int, tmp_path: Path) -> None:
    """As in TensorFlow's own tutorials, which put a softmax behind a trained model."""
    layers, keras = keras_of(major).layers, keras_of(major)
    inside = keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    inside.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    path = tmp_path / "m.keras"
    keras.Sequential([layers.Input((8, 8, 3)), inside, layers.Softmax()]).save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    assert "compile_config" in json.dumps(config["config"])
    assert check_config(config, NEVER_BUILT) == 3


def test_a_configuration_deeper_than_python_can_recurse_is_walked() -> None:
    deep: dict[str, Any] = layer("Lambda")
    for _ in range(50_000):
        deep = {"config": deep}
    with pytest.raises(ModelError, match="Lambda"):
        check_config(deep)
