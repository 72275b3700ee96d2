"""Model files for tests: good ones, small; bad ones, each bad in one way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from effq_core.models.own.card import ARCHITECTURE, OwnCard

SIDE = 32
TINY_LABELS = ("astronaut", "camera", "cat", "clock")


@dataclass(frozen=True)
class Kept(OwnCard):
    """A card that knows nothing but its folder and what it is."""

    def __init__(self, folder: Path) -> None:
        object.__setattr__(self, "folder", folder)
        object.__setattr__(self, "architecture", ARCHITECTURE)


Body = Callable[[Any, Any], Any]
"""Layers between the image and the head, given Keras and a tensor."""


def keras_of(major: int) -> Any:
    if major == 3:
        import keras

        return keras
    import tf_keras

    return tf_keras


def small_body(keras: Any, x: Any) -> Any:
    """Every kind of layer that can be kept, in 20 layers."""
    layers = keras.layers
    x = layers.Rescaling(1 / 127.5, -1)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    y = layers.Conv2D(8, 3, padding="same")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("swish")(y)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(gate)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.2)(x)
    return layers.GlobalAveragePooling2D()(x)


def classifier(
    major: int = 2,
    body: Body = small_body,
    *,
    classes: int = 4,
    activation: str | None = "softmax",
    side: int | None = SIDE,
) -> Any:
    """Builds a model with seeded weights that answers photos differently."""
    keras = keras_of(major)
    keras.utils.set_random_seed(3)
    image = keras.Input((side, side, 3))
    answer = keras.layers.Dense(classes, activation=activation)(body(keras, image))
    model = keras.Model(image, answer)
    for layer in model.layers[-1:]:
        layer.set_weights([3 * array for array in layer.get_weights()])
    return model


@lru_cache(maxsize=1)
def _tiny_bytes(folder: str) -> bytes:
    path = Path(folder) / "tiny_source.keras"
    classifier().save(str(path))
    return path.read_bytes()


def tiny_classifier(folder: Path) -> Path:
    """Writes a four-class model of Keras 2 for 32 px, preprocessing inside."""
    path = folder / "tiny.keras"
    path.write_bytes(_tiny_bytes(str(folder)))
    return path


def pooled(keras: Any, x: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D()(x)


def pooled_colours(keras: Any, x: Any) -> Any:
    return pooled(keras, keras.layers.Conv2D(6, 3)(keras.layers.Rescaling(1 / 255)(x)))


def with_lambda(keras: Any, x: Any) -> Any:
    return pooled(keras, keras.layers.Lambda(lambda t: t / 255.0, name="evil")(x))


def with_custom(keras: Any, x: Any) -> Any:
    class Doubling(keras.layers.Layer):  # type: ignore[misc]
        def call(self, tensor: Any) -> Any:
            return tensor * 2

    return pooled(keras, Doubling(name="mine")(x))


def with_unknown_layers(keras: Any, x: Any) -> Any:
    x = keras.layers.LeakyReLU(name="odd_one")(keras.layers.Conv2D(6, 3)(x))
    return pooled(keras, keras.layers.Conv2D(6, 3, groups=2, name="grouped")(x))


def with_float_operators(keras: Any, x: Any) -> Any:
    return pooled(keras, keras.layers.Conv2D(6, 3, activation="elu", name="smooth")(x))


def preprocessed_by(application: str) -> Body:
    """A body behind an application's ``preprocess_input``, as Keras' guides have it."""

    def body(keras: Any, x: Any) -> Any:
        x = getattr(keras.applications, application).preprocess_input(x)
        return pooled(keras, keras.layers.Conv2D(6, 3, strides=2, activation="relu")(x))

    return body


def with_gelu(keras: Any, x: Any) -> Any:
    return pooled_colours(keras, keras.layers.Conv2D(3, 3, activation="gelu")(x))


def byte_fed_tflite(folder: Path, *, softmax: bool = True) -> Path:
    """Writes a uint8 .tflite file as Teachable Machine does: its bytes are −1 to 1."""
    import numpy as np

    import tensorflow as tf

    model = classifier(
        2,
        lambda k, x: pooled(k, k.layers.Conv2D(6, 3)(x)),
        activation="softmax" if softmax else None,
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    shades = np.linspace(-1, 1, SIDE * SIDE * 3, dtype=np.float32).reshape(1, SIDE, SIDE, 3)
    converter.representative_dataset = lambda: ([shades * sign] for sign in (1, -1))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    path = folder / "bytes.tflite"
    path.write_bytes(converter.convert())
    return path


def saved_model_zip(
    folder: Path,
    *,
    writes: Path | None = None,
    saves: Path | None = None,
    restores: Path | None = None,
) -> Path:
    """Writes a zipped SavedModel; one that writes a file in one of three ways, where asked.

    Args:
        folder: Where to.
        writes: What it writes when it answers.
        saves: What it saves, as a variable is, when it answers.
        restores: What it saves when it is loaded.
    """
    import shutil

    import tensorflow as tf

    def save_tensor(path: Path | None, tensor: Any) -> None:
        tf.raw_ops.SaveV2(
            prefix=str(path), tensor_names=["x"], shape_and_slices=[""], tensors=[tensor]
        )

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(tf.random.stateless_normal((3, 4), (1, 2)))

        @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3))])  # type: ignore[untyped-decorator]
        def answer(self, image: Any) -> Any:
            if writes is not None:
                tf.io.write_file(str(writes), "owned")
            if saves is not None:
                save_tensor(saves, tf.reduce_mean(image))
            seen = tf.reduce_mean(image, [1, 2]) @ self.kernel
            return {"scores": tf.nn.softmax(seen / 50.0)}

    class Restored(tf.Module):  # type: ignore[misc]
        def _serialize_to_tensors(self) -> Any:
            return {"x": tf.constant(1.0)}

        def _restore_from_tensors(self, tensors: Any) -> Any:
            save_tensor(restores, tensors["x"])
            return tf.constant(1.0)

    module = Module()
    if restores is not None:
        module.extra = Restored()
    tf.saved_model.save(module, str(folder / "sm"), signatures=module.answer)
    return Path(shutil.make_archive(str(folder / "sm"), "zip", folder, "sm"))
