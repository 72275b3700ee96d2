"""What a model may take in: grey images, several at a time, photos that were stretched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import check
from effq_core.models.own.card import Preprocessing
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.runtimes.model import Model
from tests.intake.checked_files import OFFER, answers, kept, kept_file
from tests.models.own_files import SIDE
from tests.models.scope_files import (
    GREY_SIDE,
    brought,
    digits,
    flat_digits,
    nested,
    noise,
    tflite_of,
)

GREY = (GREY_SIDE, GREY_SIDE, 1)


@pytest.mark.parametrize(
    ("major", "shape", "body"),
    [(2, GREY, digits), (3, GREY, digits), (2, GREY[:2], digits), (3, GREY[:2], flat_digits)],
    ids=["2, a channel", "3, a channel", "2, none", "3, flattened"],
)
def test_grey_images_are_taken(major: int, shape: tuple[int, ...], body: Any, home: Home) -> None:
    model = brought(major, shape=shape, body=body)
    card = kept(home, model)
    assert card.image_input == ImageInput(GREY_SIDE, channels=1)
    assert (card.qat_problems, card.head_problem, card.int8_problem) == ((), "", "")
    assert "ITU-R 601" in card.summary
    pixels = noise(3, *GREY)
    given = pixels.astype(np.float32).reshape(3, *shape)
    expected = np.asarray(model(given, training=False))
    np.testing.assert_allclose(answers(card, pixels), expected, atol=1e-4)


def test_grey_images_are_preprocessed_where_that_needs_no_colours(home: Home) -> None:
    def bare(keras: Any, x: Any) -> Any:
        return keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3)(x))

    model = brought(2, shape=GREY, body=bare)
    card = kept(home, model, replace(OFFER, preprocessing=Preprocessing.MINUS_ONE_ONE))
    pixels = noise(3, *GREY)
    expected = np.asarray(model(pixels / np.float32(127.5) - 1, training=False))
    np.testing.assert_allclose(answers(card, pixels), expected, atol=1e-4)
    with pytest.raises(ModelError, match="takes grey images"):
        kept(home, model, replace(OFFER, preprocessing=Preprocessing.IMAGENET))


@pytest.mark.parametrize("shape", [GREY, GREY[:2]], ids=["a channel", "none"])
def test_a_grey_ready_file_is_taken(shape: tuple[int, ...], home: Home, tmp_path: Path) -> None:
    model = brought(2, shape=shape, body=digits)
    path = tflite_of(model, tmp_path / "grey.tflite")
    card = kept_file(home, path, OFFER)
    assert card.image_input == ImageInput(GREY_SIDE, channels=1)
    pixels = noise(1, *GREY)
    expected = np.asarray(model(pixels.astype(np.float32).reshape(1, *shape), training=False))
    np.testing.assert_allclose(Model(path).predict(pixels[0]), expected[0], atol=1e-5)


@pytest.mark.parametrize("major", [2, 3])
def test_a_fixed_batch_is_rebuilt_for_one_image(major: int, home: Home) -> None:
    model = brought(major, batch=8, body=nested)
    card = kept(home, model)
    assert card.qat_problems == ()
    assert "8 images at a time" in card.notes[0]
    pixels = noise(8, SIDE, SIDE, 3)
    expected = np.asarray(model(pixels.astype(np.float32), training=False))
    np.testing.assert_allclose(answers(card, pixels), expected, atol=1e-4)


def test_a_ready_file_for_several_images_takes_one(home: Home, tmp_path: Path) -> None:
    model = brought(2)
    path = tflite_of(model, tmp_path / "eight.tflite", batch=8)
    kept_file(home, path, OFFER)
    pixels = noise(1, SIDE, SIDE, 3)
    expected = np.asarray(model(pixels.astype(np.float32), training=False))
    np.testing.assert_allclose(Model(path).predict(pixels[0]), expected[0], atol=1e-5)


def test_a_ready_file_that_only_takes_several_images_is_refused(home: Home, tmp_path: Path) -> None:
    def fixed(keras: Any, x: Any) -> Any:
        import tensorflow as tf

        return tf.reshape(keras.layers.Conv2D(2, 3)(x), (8, 1800))

    path = tflite_of(brought(2, body=fixed), tmp_path / "eight.tflite", batch=8)
    with pytest.raises(ModelError, match="8 images at a time"):
        check(home, path, OFFER)


def test_how_photos_become_squares_is_kept_in_the_card(home: Home) -> None:
    card = kept(home, brought(2), replace(OFFER, resize=Resize.STRETCH))
    assert card.image_input == ImageInput(SIDE, Resize.STRETCH)
    assert "stretched" in card.summary
