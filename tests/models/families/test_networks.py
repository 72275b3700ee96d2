from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from effq_core.models.catalogue import get_model
from effq_core.models.families.family import FEATURES, HEAD, NORMALISE, family_of

import tf_keras as keras

EVERY_VALUE = np.repeat(np.arange(256, dtype=np.float32), 48).reshape(-1, 64, 64, 3)


@pytest.mark.parametrize(
    ("model_id", "mean"),
    [("efficientnetv2_b0_imagenette", 128), ("efficientnet_lite0_imagenet", 127)],
)
def test_the_first_layer_normalises_every_pixel_value_exactly(
    built: Any, model_id: str, mean: int
) -> None:
    normalise = built(model_id).get_layer(NORMALISE)
    assert np.array_equal(normalise(EVERY_VALUE).numpy(), (EVERY_VALUE - mean) / 128)


def test_channels_are_normalised_by_their_own_mean_and_deviation() -> None:
    card = get_model("efficientnetv2_b0_imagenet")
    model = family_of(card).build(card, classes=2, image_size=32)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    found = model.get_layer(NORMALISE)(pixels).numpy()
    np.testing.assert_allclose(found, (pixels / 255 - mean) / deviation, atol=1e-5)


@pytest.mark.parametrize("name", ["v2", "lite0"])
def test_a_model_is_one_flat_graph_from_photos_to_probabilities(
    name: str, images: np.ndarray, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    probabilities = model(images.astype(np.float32), training=False).numpy()
    assert probabilities.shape == (len(images), {"v2": 10, "lite0": 1000}[name])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert not model.get_layer(NORMALISE).trainable
    assert model.get_layer(HEAD).activation is keras.activations.softmax
    assert model.get_layer(FEATURES).output.shape == (None, 1280)


def test_v2_is_keras_own_graph_behind_the_normalisation(v2: Any) -> None:
    plain = keras.applications.EfficientNetV2B0(
        include_preprocessing=False, weights=None, classes=10, input_shape=(64, 64, 3)
    )
    ours = [(layer.name, type(layer).__name__) for layer in v2.layers]
    theirs = [(layer.name, type(layer).__name__) for layer in plain.layers]
    assert ours[1] == (NORMALISE, "DepthwiseConv2D")
    assert ours[2:] == theirs[1:]
    for mine, its in zip(v2.layers[2:], plain.layers[1:], strict=True):
        assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in its.weights]
        mine_config, its_config = mine.get_config(), its.get_config()
        assert mine_config.keys() == its_config.keys()
        for key in ("strides", "padding", "epsilon", "activation", "kernel_size"):
            assert mine_config.get(key) == its_config.get(key), (mine.name, key)


def test_lite0_has_the_published_number_of_parameters(lite0: Any) -> None:
    assert sum(np.prod(w.shape) for w in lite0.trainable_weights) == 4_652_008


def test_lite0_has_the_published_stages(lite0: Any) -> None:
    kinds = Counter(type(layer).__name__ for layer in lite0.layers)
    assert (kinds["Conv2D"], kinds["DepthwiseConv2D"]) == (33, 16 + 1)
    assert (kinds["Add"], kinds["ReLU"], kinds["Multiply"]) == (9, 33, 0)
    shapes = {
        layer.name: layer.output.shape[1:]
        for layer in lite0.layers
        if layer.name.endswith("project_bn")
    }
    sides = {1: 32, 2: 16, 3: 8, 4: 4, 5: 4, 6: 2, 7: 2}
    widths = {1: 16, 2: 24, 3: 40, 4: 80, 5: 112, 6: 192, 7: 320}
    repeats = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 1}
    assert shapes == {
        f"block{stage}{letter}_project_bn": (side, side, widths[stage])
        for stage, side in sides.items()
        for letter in "abcd"[: repeats[stage]]
    }
    for layer in lite0.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert layer.epsilon == 1e-3
        if isinstance(layer, keras.layers.ReLU):
            assert layer.max_value == 6


def test_a_residual_is_added_where_the_shape_stays(lite0: Any) -> None:
    adds = {layer.name for layer in lite0.layers if isinstance(layer, keras.layers.Add)}
    blocks = ("2b", "3b", "4b", "4c", "5b", "5c", "6b", "6c", "6d")
    assert adds == {f"block{block}_add" for block in blocks}


@pytest.mark.parametrize("classes", [2, 37])
def test_the_head_has_the_width_asked_for(classes: int) -> None:
    card = get_model("efficientnet_lite0_imagenet")
    model = family_of(card).build(card, classes=classes, image_size=32)
    assert model.output_shape == (None, classes)
    assert model.input_shape == (None, 32, 32, 3)
