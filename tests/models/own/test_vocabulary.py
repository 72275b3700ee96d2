"""What a Keras configuration may name, judged as data: nothing is loaded in these tests."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import ModelError
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


OPERATIONS = "keras.src.ops.numpy"
TENSOR = {"class_name": "__tensor__", "config": {"value": [[1.5, -2]], "dtype": "float32"}}
SLICE = {"class_name": "__slice__", "config": {"start": None, "stop": 4, "step": -1}}


@pytest.mark.parametrize(
    "good",
    [
        layer("Pad", module=OPERATIONS, config={"pad_width": [[0, 0], [1, 1]], "mode": "constant"}),
        layer("Cast", module="keras.src.ops.core", config={"name": "c", "dtype": "float32"}),
        layer("LeakyRelu", module="keras.src.ops.nn", config={"negative_slope": 0.2}),
        layer("GetItem", module=OPERATIONS, inbound_nodes=[{"args": [TENSOR, SLICE]}]),
        layer("TFOpLambda", config={"function": "compat.v1.pad"}),
        layer("SlicingOpLambda", config={"function": "__operators__.getitem"}),
        layer("LayerScale", module="keras.src.applications.convnext", config={"init_values": 1e-6}),
        layer("CustomScaleLayer", registered_name="Custom>CustomScaleLayer", config={"scale": 0.1}),
        layer("RandomErasing", config={"fill_value": 0.5, "data_format": "channels_last"}),
        layer("F1Score", module="keras.metrics", config={"average": "macro", "threshold": 0.5}),
    ],
    ids=lambda each: str(each["class_name"]),
)
def test_what_keras_makes_of_plain_arithmetic_is_known(good: dict[str, Any]) -> None:
    assert check_config(model(layer("Conv2D"), good)) >= 1


def numbers(value: Any, dtype: Any = "float32", kind: str = "__tensor__") -> dict[str, Any]:
    return {"class_name": kind, "config": {"value": value, "dtype": dtype}}


@pytest.mark.parametrize(
    "hostile",
    [
        numbers([["id"]]),
        numbers([{"class_name": "Dense"}]),
        numbers([1], "string"),
        numbers([1], "object", "__numpy__"),
        numbers([float("nan")]),
        numbers([1], ["float32"]),
        {"class_name": "__tensor__", "config": {"value": [1], "dtype": "int8", "more": 1}},
        {"class_name": "__slice__", "config": {"start": "0", "stop": None, "step": None}},
        {"class_name": "__slice__", "config": {"start": 1 << 40, "stop": None, "step": None}},
        {"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "os", "config": []},
        {"class_name": "__bytes__", "config": {"value": "x"}},
        layer("Cast", module="keras.src.ops.core", config={"dtype": "resource"}),
        layer("Pad", module=OPERATIONS, config={"mode": "__import__('os')"}),
        layer("Pad", module=OPERATIONS, config={"pad_width": [[0, 1 << 40]]}),
        layer("Pad", module=OPERATIONS, config={"pad_width": {"a": 1}}),
        layer("Pad", module=OPERATIONS, config="pad"),
        layer("LeakyRelu", module="keras.src.ops.nn", config={"negative_slope": float("inf")}),
        layer("LayerScale", config={"projection_dim": "os.system"}),
        layer("CustomScaleLayer", config={"scale": ["x"]}),
        layer("CustomScaleLayer", registered_name="pkg>CustomScaleLayer"),
        layer("RandomErasing", config={"fill_value": "file:///etc/passwd"}),
        layer("F1Score", module="keras.metrics", config={"average": "exec"}),
        layer("F1Score", registered_name=["F1Score"]),
        layer("SlicingOpLambda", config={"function": ["__operators__.getitem"]}),
        layer("TFOpLambda", config={"function": "__operators__.getitem"}),
    ],
    ids=lambda each: str(each["class_name"]),
)
def test_settings_that_arithmetic_does_not_need_are_refused(hostile: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as refused:
        check_config(model(layer("Conv2D"), layer("Dense", config={"it": [hostile]})))
    assert refused.value.hint


@pytest.mark.parametrize("kind", ["LSTM", "Conv1D", "RandAugment", "StringLookup"])
@pytest.mark.parametrize("module", ["keras.layers", None])  # an .h5 file does not say whose it is
def test_a_layer_of_keras_is_never_said_to_come_from_elsewhere(
    kind: str, module: str | None
) -> None:
    with pytest.raises(ModelError) as refused:
        check_config(model(layer(kind, module=module)))
    assert f"Keras' layer {kind} ('it')" in refused.value.message
    assert "elsewhere" not in refused.value.message
    with pytest.raises(ModelError, match="elsewhere"):
        check_config(model(layer("Doubling", module=None)))


def test_keras_layers_are_either_taken_or_named() -> None:
    """A layer a new Keras brings must be put on one of the lists."""
    from effq_core.models.own import vocabulary

    known = vocabulary.LAYERS | vocabulary.AUGMENTING | vocabulary._SCALING | vocabulary._NOT_TAKEN
    for keras in (keras_of(2), keras_of(3)):
        kinds = {each for each in vars(keras.layers).values() if isinstance(each, type)}
        names = {each.__name__ for each in kinds if issubclass(each, keras.layers.Layer)}
        assert names - known <= {"Layer", "Lambda", "AbstractRNNCell"}


def test_newer_augmentation_does_nothing_at_inference() -> None:
    import numpy as np

    from effq_core.models.own.vocabulary import AUGMENTING

    layers = keras_of(3).layers
    photos = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    for kind in sorted(AUGMENTING):
        made = getattr(layers, kind)(**_SETTINGS.get(kind, {"factor": 0.9}))
        np.testing.assert_allclose(np.asarray(made(photos, training=False)), photos, err_msg=kind)


_SETTINGS: dict[str, dict[str, Any]] = {
    "RandomColorJitter": {"hue_factor": 0.9},
    "RandomErasing": {},
    "RandomPosterization": {"factor": 3},
    "RandomShear": {"x_factor": 0.9},
}
