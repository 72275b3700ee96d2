from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import ASSETS, Home
from effq_core.models.build import build_model, load_model, replace_head, save_model
from effq_core.models.card import Label, label_set
from effq_core.models.catalogue import get_model, read_labels
from effq_core.models.families.family import FEATURES, HEAD, NORMALISE
from effq_core.models.weights import read_weights
from effq_core.photos.decode import decode, open_image

import tf_keras as keras

SILENT = SilentReporter()
IMAGENETTE = [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]


@pytest.fixture(scope="module")
def h5(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Keras' own EfficientNetV2-B0 with its own preprocessing, random weights, and its file."""
    keras.utils.set_random_seed(0)
    model = keras.applications.EfficientNetV2B0(
        include_preprocessing=True, weights=None, input_shape=(64, 64, 3)
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            width = layer.gamma.shape[0]
            low_high = ((0.8, 1.2), (-0.2, 0.2), (-0.2, 0.2), (0.5, 1.5))
            layer.set_weights([rng.uniform(*ends, width) for ends in low_high])
    head = model.get_layer(HEAD)
    # Answers that depend on the photo: an untrained head would say 0.001 to everything.
    head.set_weights([rng.normal(0, 1, (1280, 1000)), rng.normal(0, 1, 1000)])
    path = tmp_path_factory.mktemp("keras") / "efficientnetv2-b0.h5"
    model.save_weights(path)
    return model, path


@pytest.mark.parametrize(
    ("name", "file"),
    [("v2", "efficientnetv2_b0_imagenette.npz"), ("lite0", "efficientnet_lite0_imagenet.npz")],
)
def test_every_bundled_weight_is_in_the_model(
    name: str, file: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    weights = read_weights(ASSETS / "weights" / file)
    assert set(weights) == {layer.name for layer in model.layers if layer.weights} - {NORMALISE}
    for layer, arrays in weights.items():
        assert all(map(np.array_equal, model.get_layer(layer).get_weights(), arrays)), layer


def test_kerass_own_weights_give_kerass_own_answers(
    h5: tuple[Any, Path], nowhere: Home, images: np.ndarray
) -> None:
    theirs, path = h5
    card = get_model("efficientnetv2_b0_imagenet")
    ours = build_model(card, nowhere, SILENT, image_size=64, weights_file=path)
    pixels = images.astype(np.float32)
    expected = theirs(pixels, training=False).numpy()
    assert expected.max() > 0.1  # they say something, and
    assert np.abs(expected[0] - expected[1]).max() > 0.01  # not the same of every photo
    np.testing.assert_allclose(ours(pixels, training=False).numpy(), expected, atol=1e-5)
    assert np.abs(ours(pixels + 8, training=False).numpy() - expected).max() > 1e-3


def test_the_downloaded_model_is_built_from_what_the_server_sends(
    h5: tuple[Any, Path], server: Any, tmp_path: Path, images: np.ndarray
) -> None:
    theirs, path = h5
    content = path.read_bytes()
    (server.folder / path.name).write_bytes(content)
    card = get_model("efficientnetv2_b0_imagenet")
    weights = replace(
        card.weights,
        url=server.url + path.name,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )
    home = Home(tmp_path / "home")
    card = replace(card, weights=weights)
    assert not card.is_present(home)
    model = build_model(card, home, SILENT, image_size=64)
    assert card.is_present(home)
    pixels = images.astype(np.float32)
    expected = theirs(pixels, training=False).numpy()
    np.testing.assert_allclose(model(pixels, training=False).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model_id", "file", "named"),
    [
        ("efficientnetv2_b0_imagenette", "efficientnet_lite0_imagenet.npz", "unknown layers"),
        ("efficientnetv2_b0_imagenet", "efficientnetv2_b0_imagenette.npz", "'predictions'"),
    ],
)
def test_a_file_for_another_model_is_refused_by_name(
    model_id: str, file: str, named: str, nowhere: Home
) -> None:
    path = ASSETS / "weights" / file
    with pytest.raises(ModelError, match=f"{file}.*{named}"):
        build_model(get_model(model_id), nowhere, SILENT, image_size=32, weights_file=path)


def test_a_new_head_leaves_the_features_as_they_are(lite0: Any, images: np.ndarray) -> None:
    card = get_model("efficientnet_lite0_imagenet")
    new = replace_head(lite0, card, 7)
    assert new.output_shape == (None, 7)
    assert new.input_shape == lite0.input_shape
    for layer in lite0.layers:
        if layer.name != HEAD:
            copied = new.get_layer(layer.name).get_weights()
            assert all(map(np.array_equal, layer.get_weights(), copied)), layer.name
    pixels = images.astype(np.float32)
    before, after = (
        keras.Model(model.input, model.get_layer(FEATURES).output)(pixels, training=False).numpy()
        for model in (lite0, new)
    )
    assert np.array_equal(before, after)


def test_a_saved_model_is_rebuilt_exactly(lite0: Any, tmp_path: Path, images: np.ndarray) -> None:
    card = get_model("efficientnet_lite0_imagenet")
    save_model(lite0, card, label_set("imagenet"), tmp_path)
    rebuilt, labels = load_model(tmp_path)
    assert labels == label_set("imagenet")
    pixels = images.astype(np.float32)
    before, after = (model(pixels, training=False).numpy() for model in (lite0, rebuilt))
    assert np.array_equal(before, after)


def test_labels_of_any_script_travel_with_the_model(v2: Any, tmp_path: Path) -> None:
    labels = (Label("Bär"), Label("熊", "n02131653"), *(Label(f"class {i}") for i in range(8)))
    save_model(v2, get_model("efficientnetv2_b0_imagenette"), labels, tmp_path)
    assert read_labels(tmp_path) == labels


def test_labels_that_do_not_fit_the_head_are_refused_on_loading(v2: Any, tmp_path: Path) -> None:
    card = get_model("efficientnetv2_b0_imagenette")
    save_model(v2, card, label_set("imagenette")[:9], tmp_path)
    with pytest.raises(ModelError, match=r"'predictions' has shapes \[\(1280, 10\), \(10,\)\]"):
        load_model(tmp_path)


def decoded(folder: Path, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first photos of every class folder at 224 px, and their classes."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    paths = [(i, p) for i, c in enumerate(classes) for p in sorted(c.iterdir())[:each]]
    pixels = np.stack([decode(open_image(path, path.name), 224) for _, path in paths])
    return pixels, np.array([label for label, _ in paths])


def answers(model_id: str, pixels: np.ndarray, home: Home) -> np.ndarray:
    model = build_model(get_model(model_id), home, SILENT)
    return np.asarray(model.predict(pixels, batch_size=10, verbose=0))


def test_the_trained_v2_recognises_imagenettes_photos(
    imagenette_photos: Path, nowhere: Home
) -> None:
    pixels, truth = decoded(imagenette_photos, 10)
    found = answers("efficientnetv2_b0_imagenette", pixels, nowhere).argmax(axis=1)
    assert (found == truth).mean() >= 0.80


def test_lite0_recognises_imagenettes_photos_among_a_thousand_classes(
    imagenette_photos: Path, nowhere: Home
) -> None:
    pixels, truth = decoded(imagenette_photos, 10)
    found = answers("efficientnet_lite0_imagenet", pixels, nowhere)
    assert (found[:, IMAGENETTE].argmax(axis=1) == truth).mean() >= 0.95
    assert (found.argmax(axis=1) == np.array(IMAGENETTE)[truth]).mean() >= 0.6
