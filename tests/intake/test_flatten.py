"""Laying Keras models open: the list of layers answers as the model did, or names what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.intake.flatten import Flattened, flatten
from effq_core.intake.input_shape import InputShape
from effq_core.intake.loading import in_float32
from effq_core.models.families.family import FEATURES, HEAD, NORMALISE
from effq_core.models.own.card import Preprocessing
from effq_core.models.own.flat import FlatLayer, FlatModel, build_flat
from effq_core.models.weights import load_weights
from tests.models.own_files import (
    SIDE,
    classifier,
    keras_of,
    pooled,
    pooled_colours,
    preprocessed_by,
    small_body,
    with_unknown_layers,
)

MAJORS = pytest.mark.parametrize("major", [2, 3])


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (3, SIDE, SIDE, 3)).astype(np.float32)


def answers(made: Flattened, photos: np.ndarray) -> np.ndarray:
    assert made.problems == ()
    model = build_flat(made.flat)
    load_weights(model, made.weights, "test", skip=frozenset())
    return np.asarray(model(photos, training=False))


def laid_open(model: Any, way: Preprocessing = Preprocessing.RAW, **more: Any) -> Flattened:
    return flatten(model, SIDE, way.normalisation, **{"add_softmax": False, **more})


@MAJORS
def test_every_kind_of_layer_answers_as_before(major: int, photos: np.ndarray) -> None:
    model = classifier(major)
    made = laid_open(model)
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-5
    )
    names = [each.name for each in made.flat.layers]
    assert names[0] == NORMALISE  # Rescaling became the one exact operator bundled models have
    assert names[-1] == HEAD
    assert FEATURES in names
    assert made.flat.head_problem == ""


@MAJORS
def test_nested_models_and_arithmetic_on_the_image_are_laid_open(
    major: int, photos: np.ndarray
) -> None:
    keras = keras_of(major)
    inner = classifier(major, lambda k, x: small_body(k, x))
    base = keras.Model(inner.input, inner.layers[-2].output)

    def body(keras: Any, x: Any) -> Any:
        return keras.layers.Dropout(0.3)(base(x / 2.0 + 3.0, training=False))

    model = classifier(major, body)
    made = laid_open(model)
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-5
    )
    assert {each.kind for each in made.flat.layers} >= {"Normalise", "Conv2D", "Dense"}


@pytest.mark.parametrize("way", list(Preprocessing), ids=str)
def test_preprocessing_goes_inside_exactly(way: Preprocessing, photos: np.ndarray) -> None:
    model = classifier(2, lambda keras, x: pooled(keras, keras.layers.Conv2D(4, 3)(x)))
    scale = np.asarray(way.normalisation.scale if way.normalisation else (1,) * 3, np.float32)
    offset = np.asarray(way.normalisation.offset if way.normalisation else (0,) * 3, np.float32)
    order = list(way.normalisation.order if way.normalisation else (0, 1, 2))
    expected = np.asarray(model(photos[..., order] * scale + offset, training=False))
    np.testing.assert_allclose(answers(laid_open(model, way), photos), expected, atol=1e-5)


def test_imagenet_preprocessing_is_mean_and_deviation_of_zero_to_one() -> None:
    normalisation = Preprocessing.IMAGENET.normalisation
    assert normalisation is not None
    grey = np.full(3, 255.0) * normalisation.scale + normalisation.offset
    np.testing.assert_allclose(grey, (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225])


@MAJORS
def test_a_softmax_is_put_behind_scores(major: int, photos: np.ndarray) -> None:
    model = classifier(major, activation=None)
    scores = np.asarray(model(photos, training=False), np.float64)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    made = laid_open(model, add_softmax=True)
    np.testing.assert_allclose(answers(made, photos), expected, atol=1e-5)
    assert made.flat.layers[-1].config["activation"] == "softmax"
    assert made.flat.head_problem == ""


@MAJORS
def test_a_batch_normalisation_after_an_activation_becomes_one_operator(
    major: int, photos: np.ndarray
) -> None:
    def body(keras: Any, x: Any) -> Any:
        x = keras.layers.Conv2D(5, 3, activation="relu")(x)
        made = keras.layers.BatchNormalization()
        x = made(x)
        made.set_weights([np.full(5, each, np.float32) for each in (2.0, 0.5, 3.0, 4.0)])
        return pooled(keras, x)

    model = classifier(major, body)
    made = laid_open(model)
    assert [each.kind for each in made.flat.layers][:2] == ["Conv2D", "DepthwiseConv2D"]
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-4
    )


@MAJORS
def test_what_cannot_be_fine_tuned_is_named_layer_by_layer(major: int) -> None:
    made = laid_open(classifier(major, with_unknown_layers))
    assert made.problems == ("odd_one (LeakyReLU)", "grouped (Conv2D: grouped convolution)")


@MAJORS
def test_a_layer_used_twice_is_named(major: int) -> None:
    def body(keras: Any, x: Any) -> Any:
        twice = keras.layers.Conv2D(3, 3, padding="same", name="twice")
        return pooled(keras, twice(twice(x)))

    assert laid_open(classifier(major, body)).problems == ("twice (Conv2D: used twice)",)


def test_layers_called_like_ours_are_renamed(photos: np.ndarray) -> None:
    def body(keras: Any, x: Any) -> Any:
        x = keras.layers.Conv2D(4, 3, name="predictions")(x)
        return pooled(keras, keras.layers.ReLU(name="avg_pool")(x))

    model = classifier(2, body)
    made = laid_open(model)
    names = [each.name for each in made.flat.layers]
    assert names == ["predictions_2", "avg_pool_2", FEATURES, HEAD]
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-5
    )


@MAJORS
@pytest.mark.parametrize("application", ["vgg16", "densenet", "mobilenet_v2"])
def test_preprocess_input_inside_becomes_one_operator(
    major: int, application: str, photos: np.ndarray
) -> None:
    model = classifier(major, preprocessed_by(application))
    made = laid_open(model)
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-4
    )
    assert [each.kind for each in made.flat.layers][:2] == ["Normalise", "Conv2D"]
    assert ("order" in made.flat.layers[0].config) == (application == "vgg16")


@MAJORS
def test_one_channel_of_the_image_alone_is_a_problem(major: int) -> None:
    made = laid_open(classifier(major, lambda k, x: pooled(k, k.layers.Conv2D(2, 3)(x[..., 1:]))))
    assert made.problems == ("channels of the image by themselves",)


@MAJORS
def test_a_head_without_a_bias_is_given_one_of_zeros(major: int, photos: np.ndarray) -> None:
    keras = keras_of(major)
    image = keras.Input((SIDE, SIDE, 3))
    scores = keras.layers.Dense(4, use_bias=False, activation="softmax")
    model = keras.Model(image, scores(pooled_colours(keras, image)))
    made = laid_open(model)
    np.testing.assert_allclose(
        answers(made, photos), np.asarray(model(photos, training=False)), atol=1e-5
    )
    assert made.flat.head_problem == ""
    assert build_flat(made.flat.with_classes(7)).output_shape == (None, 7)


@MAJORS
def test_a_model_of_half_precision_is_rebuilt_in_float32(
    major: int, photos: np.ndarray, tmp_path: Path
) -> None:
    keras = keras_of(major)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = classifier(major, with_unknown_layers)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    whole, precisions = in_float32(half)
    assert precisions == ("mixed_float16",)
    assert {layer.compute_dtype for layer in whole.layers} == {"float32"}
    for ours, theirs in zip(whole.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert in_float32(whole) == (whole, ())


def test_a_written_list_is_read_as_it_was(tmp_path: Path) -> None:
    flat = laid_open(classifier()).flat
    flat.write(tmp_path)
    assert FlatModel.read(tmp_path) == flat
    assert build_flat(flat.with_classes(7)).output_shape == (None, 7)


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: FlatLayer(layer.name, "Lambda", {"function": "eval"}, layer.inputs),
        lambda layer: FlatLayer(layer.name, "Conv2D", layer.config, ("nowhere",)),
        lambda layer: FlatLayer(layer.name, "Activation", {"activation": "eval"}, layer.inputs),
    ],
    ids=["a kind that is not kept", "an input that is not there", "a function"],
)
def test_a_list_somebody_tampered_with_is_refused(
    change: Callable[[FlatLayer], FlatLayer], tmp_path: Path
) -> None:
    flat = laid_open(classifier()).flat
    FlatModel(SIDE, (*flat.layers[:3], change(flat.layers[3]))).write(tmp_path)
    with pytest.raises(ModelError, match="cannot be built"):
        build_flat(FlatModel.read(tmp_path))


def test_settings_that_are_not_on_the_list_do_not_reach_keras() -> None:
    config = {"filters": 2, "kernel_size": 3, "kernel_constraint": "x"}
    layer = FlatLayer("c", "Conv2D", config, ("image",))
    assert build_flat(FlatModel(SIDE, (layer,))).layers[1].kernel_constraint is None


@pytest.mark.parametrize(
    ("shape", "change"),
    [
        ((SIDE, SIDE, 1), lambda tf, x: tf.stack([x[..., 0]] * 3, axis=-1)),
        ((SIDE, SIDE), lambda tf, x: tf.reverse(x, [-1])),
        ((SIDE, SIDE), lambda tf, x: x[..., ::-1]),
    ],
    ids=["grey to colour", "a grey image mirrored", "mirrored by a slice"],
)
def test_of_a_grey_image_no_channels_are_ordered(shape: tuple[int, ...], change: Any) -> None:
    import tensorflow as tf

    keras = keras_of(2)
    image = keras.Input(shape)
    x = change(tf, image)
    x = x if len(shape) == 3 else keras.layers.Reshape((SIDE, SIDE, 1))(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(x))
    model = keras.Model(image, keras.layers.Dense(4, activation="softmax")(x))
    entry = InputShape(SIDE, False, 1, len(shape) == 2, None)
    assert flatten(model, entry, None, add_softmax=False).problems
