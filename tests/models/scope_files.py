"""Models people bring that are not "RGB in, one score a class out, one image at a time"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.models.own_files import SIDE, Body, keras_of, pooled_colours

GREY_SIDE = 28


def brought(
    major: int = 2,
    *,
    shape: tuple[int, ...] = (SIDE, SIDE, 3),
    batch: int | None = None,
    body: Body = pooled_colours,
    classes: int = 4,
    activation: str | None = "softmax",
    ends: bool = False,
) -> Any:
    """Builds a model with seeded weights that answers photos differently.

    Args:
        major: Of Keras.
        shape: Of its input.
        batch: Images it takes at a time.
        body: Layers between the image and the head.
        classes: Outputs.
        activation: Of the last Dense layer.
        ends: Whether the activation is a layer of its own.
    """
    keras = keras_of(major)
    keras.utils.set_random_seed(5)
    layers = keras.layers
    x = image = keras.Input(batch_shape=(batch, *shape))
    x = body(keras, x)
    x = head = layers.Dense(classes, activation=None if ends else activation)(x)
    if ends:
        x = layers.Activation(activation)(head)
    model = keras.Model(image, x)
    dense = next(layer for layer in reversed(model.layers) if type(layer).__name__ == "Dense")
    dense.set_weights([6 * array for array in dense.get_weights()])
    return model


def digits(keras: Any, x: Any) -> Any:
    """A usual model of grey images, with a channel or without."""
    layers = keras.layers
    x = layers.Rescaling(1 / 255)(x)
    if len(x.shape) == 3:
        x = layers.Reshape((GREY_SIDE, GREY_SIDE, 1))(x)
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    return layers.GlobalAveragePooling2D()(x)


def flat_digits(keras: Any, x: Any) -> Any:
    """The first model of many a course: 28 × 28 without a channel, flattened."""
    layers = keras.layers
    return layers.Dense(16, activation="relu")(layers.Flatten()(layers.Rescaling(1 / 255)(x)))


def nested(keras: Any, x: Any) -> Any:
    """A base inside, with the same fixed batch."""
    inside = keras.Input(batch_shape=tuple(x.shape))
    base = keras.Model(inside, keras.layers.Conv2D(6, 3, activation="relu")(inside))
    x = base(keras.layers.Rescaling(1 / 255)(x))
    return keras.layers.Dense(8)(keras.layers.GlobalAveragePooling2D()(x))


def tflite_of(model: Any, path: Path, *, batch: int = 1) -> Path:
    """Converts a model of Keras 2 as people do, for a fixed number of images."""
    import tensorflow as tf

    spec = tf.TensorSpec((batch, *model.inputs[0].shape[1:]), tf.float32)
    call = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    made = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()], model)
    path.write_bytes(made.convert())
    return path


def noise(count: int, *shape: int) -> np.ndarray[Any, Any]:
    """Coarse noise, 0–255, uint8."""
    side = shape[0]
    coarse = np.random.default_rng(1).integers(0, 256, (count, 4, 4, *shape[2:]))
    whole = np.kron(coarse, np.ones((1, -(-side // 4), -(-side // 4), *(1 for _ in shape[2:]))))
    return whole[:, :side, :side].astype(np.uint8)
