"""Loading a checked file, in the checking process only (imports TensorFlow)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from effq_core.base.errors import ModelError
from effq_core.base.tensorflow import keras, lean_imports, tf
from effq_core.intake.files import Format, ModelFile
from effq_core.intake.input_shape import InputShape, read_input_shape
from effq_core.models.card import Normalisation
from effq_core.models.own.flat import normalise_layer, normalise_weights
from effq_core.models.own.graph import (
    augmenting,
    check_operators,
    frozen_call,
    operators,
    random_operators,
)

from tensorflow.core.protobuf import saved_model_pb2

_AS_KERAS = "Save it from Keras with model.save('model.keras'), and add that file."
_ALONE = "Save the classifier alone, with model.save('model.keras'), and add that file."
_OF_TENSORFLOW = {*dir(tf.__internal__.tracking.AutoTrackable), "_self_saveable_object_factories"}
"""Names no part of a SavedModel may take: TensorFlow calls them itself."""

_SHAPES = ("batch_shape", "batch_input_shape", "build_input_shape")
"""Where a configuration of Keras 2 or 3 says how many images come at a time."""
_OTHERS = frozenset(
    ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64", "half", "double")
)
_PRECISIONS = ("dtype", "compute_dtype", "variable_dtype")


@dataclass(frozen=True)
class Loaded:
    """A model in memory."""

    call: Callable[[Any], Any]  # float32 ``(1, side, side, channels)`` to scores ``(1, classes)``
    shape: InputShape  # of its input
    model: Any  # the Keras model; ``None`` for a SavedModel, which has no layers
    precisions: tuple[str, ...] = ()  # what it was trained in, if not in float32


def load(file: ModelFile, scratch: Path, wanted_size: int | None) -> Loaded:
    """Loads a checked file, of ``wanted_size`` pixels where open; may raise ModelError."""
    if file.format is Format.SAVED_MODEL:
        return _load_saved_model(file.path, wanted_size)
    # Keras chooses its reader by the ending.
    path = scratch / f"model.{file.format}"
    path.symlink_to(file.path)
    try:
        model, precisions = in_float32(_load_keras(path, file.keras))
    except Exception as error:
        raise ModelError(
            f"Keras {file.keras} cannot load the file: {_first_line(error)}.",
            "Open it in the Keras that wrote it, save it again with model.save('model.keras'), "
            "and give that file.",
        ) from error
    inputs, outputs = list(model.inputs or ()), list(model.outputs or ())
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"The model has {len(inputs)} inputs and {len(outputs)} outputs.",
            "EffQ measures classifiers: one image in, one vector of class scores out.",
        )
    image = inputs[0]
    shape = read_input_shape(tuple(image.shape), wanted_size)
    dtype = tf.as_dtype(image.dtype)
    if shape.batch not in (None, 1):
        model = _with_open_batch(model)
    answer = lambda x: tf.cast(model(tf.cast(x, dtype), training=False), tf.float32)  # noqa: E731
    call = _without_channel(answer) if shape.flat else answer
    return Loaded(call=call, shape=shape, model=model, precisions=precisions)


def preprocessed(
    call: Callable[[Any], Any], normalisation: Normalisation | None
) -> Callable[[Any], Any]:
    """Puts preprocessing of RGB 0–255, if there is any, in front of a model, as one operator."""
    if normalisation is None:
        return call
    kernel, bias = (tf.constant(each) for each in normalise_weights(normalise_layer(normalisation)))
    conv = tf.nn.conv2d if kernel.shape[-1] == 3 else tf.nn.depthwise_conv2d

    def run(x: Any) -> Any:
        return call(tf.nn.bias_add(conv(x, kernel, [1, 1, 1, 1], "VALID"), bias))

    return run


def _load_keras(path: Path, major: int) -> Any:
    if major == 3:
        with lean_imports():
            import keras as keras3  # type: ignore[import-untyped]

        return keras3.saving.load_model(str(path), compile=False, safe_mode=True)
    # Only .keras files have a safe mode; an .h5 file's configuration was checked.
    safe = {"safe_mode": True} if path.suffix == ".keras" else {}
    # An .h5 file does not say whose a layer is, and Keras 2 does not know its applications' own.
    theirs = {"LayerScale": keras.src.applications.convnext.LayerScale}
    return keras.models.load_model(str(path), theirs, compile=False, **safe)


def _load_saved_model(folder: Path, wanted_size: int | None) -> Loaded:
    found = _check_saved_model(folder)
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:
        raise ModelError(
            f"TensorFlow cannot load the SavedModel: {_first_line(error)}.", _AS_KERAS
        ) from error
    signature = loaded.signatures["serving_default"]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"The SavedModel's signature has {len(inputs)} inputs and {len(outputs)} outputs.",
            "EffQ measures classifiers: one image in, one vector of class scores out.",
        )
    name, spec = next(iter(inputs.items()))
    output = next(iter(outputs))
    if spec.shape.rank is None:
        raise ModelError("The SavedModel does not say what its input is.", _AS_KERAS)
    shape = read_input_shape(tuple(spec.shape), wanted_size)
    if shape.batch not in (None, 1):
        raise ModelError(
            f"The SavedModel takes {shape.batch} images at a time: a graph cannot be rebuilt for "
            "one.",
            _AS_KERAS,
        )

    def call(x: Any) -> Any:
        answers = signature(**{name: tf.cast(x, spec.dtype)})
        return tf.cast(answers[output], tf.float32)

    # A signature may save variables to any path: so it is traced and never run.
    try:
        taken = _without_channel(call) if shape.flat else call
        frozen = frozen_call(taken, shape.side, shape.channels)
    except (tf.errors.OpError, ValueError, TypeError) as error:
        if random := random_operators(found):
            raise augmenting(random) from error
        raise ModelError(
            f"The SavedModel's signature cannot be used: {_first_line(error)}.", _AS_KERAS
        ) from error
    return Loaded(call=frozen, shape=shape, model=None)


def _without_channel(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: call(tf.squeeze(x, -1))


def _check_saved_model(folder: Path) -> set[str]:
    """Refuses what would run when it is loaded; returns the types of its operators."""
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise ModelError("saved_model.pb is damaged.", _AS_KERAS) from error
    if len(saved.meta_graphs) != 1:
        raise ModelError(f"The SavedModel holds {len(saved.meta_graphs)} graphs.", _AS_KERAS)
    graph = saved.meta_graphs[0]
    if not graph.HasField("object_graph_def") or "serving_default" not in graph.signature_def:
        raise ModelError(
            "The SavedModel has no signature serving_default, or is from TensorFlow 1.",
            "Save it with model.export('folder') or tf.saved_model.save.",
        )
    kinds = {node.WhichOneof("kind") for node in graph.object_graph_def.nodes}
    if graph.asset_file_def or kinds & {"asset", "resource"}:
        raise ModelError(
            "The SavedModel has assets or tables: they would run something when it is loaded.",
            _ALONE,
        )
    _refuse_own_restoring(graph.object_graph_def)
    found = operators(graph.graph_def)
    check_operators(found, saved_model=True)
    return found


def _refuse_own_restoring(objects: Any) -> None:
    """Refuses functions that TensorFlow would run to restore an object, while it loads."""
    for node in objects.nodes:
        # Loading sets children as attributes: one may be called like what restores an object.
        names = {child.local_name for child in node.children}
        if node.saveable_objects or names & _OF_TENSORFLOW:
            raise ModelError(
                "The SavedModel brings a function of its own to restore it with, which would run "
                "when it is loaded.",
                _ALONE,
            )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else repr(error))[:300].rstrip(".")


def _with_open_batch(model: Any) -> Any:
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


def in_float32(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Rebuilds a Keras model in float32; also returns the names of the other precisions it had."""
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
    if name in _PRECISIONS and isinstance(value, str) and value in _OTHERS:
        found.add(value)
        return "float32"
    return value
