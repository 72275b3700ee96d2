"""One output, grey images, a background output, fixed batches and stretched photos: checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.intake.sample_answers import sample_pixels
from effq_core.models.build import open_own
from effq_core.models.card import Label
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import OwnCard, Preprocessing
from effq_core.models.own.extra_output import unlabelled
from effq_core.models.own.ready import ReadyFile
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.pipeline.plan_model import ready_stage
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import Model
from tests.models.own_files import SIDE, TINY_LABELS, keras_of, small_body
from tests.models.scope_files import (
    GREY_SIDE,
    brought,
    digits,
    flat_digits,
    nested,
    noise,
    tflite_of,
)

OFFER = Offer("m.keras", parse_labels("\n".join(TINY_LABELS)), Preprocessing.INSIDE)
TWO = replace(OFFER, labels=parse_labels("no\nyes"))
GREY = (GREY_SIDE, GREY_SIDE, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "locks"))
    return Home(tmp_path / "home")


def kept(home: Home, model: Any, offer: Offer = OFFER, name: str = "m.keras") -> OwnCard:
    path = home.root.parent / name
    model.save(str(path))
    card = keep(home, check(home, path, offer), "Mine")
    assert isinstance(card, OwnCard)
    return card


def kept_file(home: Home, path: Path, offer: Offer) -> ReadyFile:
    card = keep(home, check(home, path, replace(offer, name=path.name)), "Theirs")
    assert isinstance(card, ReadyFile)
    return card


def answers(card: OwnCard, pixels: np.ndarray) -> np.ndarray:
    """What the model answers as it is kept, and the same from its float32 .tflite."""
    model = open_own(card)
    folder = card.folder.parent.parent
    freeze(model, folder / "frozen")
    path = folder / "m.tflite"
    path.write_bytes(convert(folder / "frozen", "float32"))
    lite = Model(path)
    assert (lite.channels, lite.classes) == (card.channels, len(card.class_labels))
    return np.stack([lite.predict(image) for image in pixels])


@pytest.mark.parametrize(
    ("major", "activation", "ends", "body"),
    [
        (2, "sigmoid", False, small_body),
        (3, "sigmoid", True, small_body),
        (2, None, False, small_body),
    ],
    ids=["sigmoid", "a layer of its own", "logit"],
)
def test_one_output_becomes_two_classes_that_can_be_fine_tuned(
    major: int, activation: str | None, ends: bool, body: Any, home: Home
) -> None:
    model = brought(major, classes=1, activation=activation, ends=ends, body=body)
    card = kept(home, model, TWO)
    assert (card.qat_problems, card.head_problem, card.int8_problem) == ((), "", "")
    assert "0 is no, 1 is yes" in card.notes[0]
    pixels = noise(3, SIDE, SIDE, 3)
    yes = np.asarray(model(pixels.astype(np.float32), training=False), np.float64)
    if activation is None:
        yes = 1 / (1 + np.exp(-yes))
    found = answers(card, pixels)
    np.testing.assert_allclose(found, np.concatenate([1 - yes, yes], 1), atol=1e-4)
    assert np.ptp(found[:, 1]) > 0.01  # it does answer differently


def test_one_output_of_layers_that_are_not_known_becomes_two_in_the_graph(home: Home) -> None:
    def odd(keras: Any, x: Any) -> Any:
        return small_body(keras, keras.layers.LeakyReLU()(x))

    model = brought(2, classes=1, activation="sigmoid", body=odd)
    card = kept(home, model, TWO)
    assert card.qat_problems
    pixels = noise(3, SIDE, SIDE, 3)
    yes = np.asarray(model(pixels.astype(np.float32), training=False))
    np.testing.assert_allclose(answers(card, pixels), np.concatenate([1 - yes, yes], 1), atol=1e-4)


def test_one_output_that_is_no_probability_is_refused(home: Home) -> None:
    with pytest.raises(ModelError, match="one output ends in tanh"):
        kept(home, brought(2, classes=1, activation="tanh"), TWO)


def test_one_output_needs_two_labels(home: Home) -> None:
    model = brought(2, classes=1, activation="sigmoid")
    with pytest.raises(ModelError, match="One output, yes or no: it needs two labels"):
        kept(home, model)
    with pytest.raises(ModelError, match="One output, yes or no: it needs two labels"):
        check(home, tflite_of(model, home.root.parent / "one.tflite"), OFFER)


def passing(model: Any, activation: Any) -> Any:
    """Puts a layer behind the last one, as models of mixed precision end in one."""
    keras = keras_of(2)
    last = keras.layers.Activation(activation, dtype="float32")(model.output)
    return keras.Model(model.input, last)


def test_a_sigmoid_before_a_layer_that_passes_it_on_stays_a_sigmoid(home: Home) -> None:
    model = passing(brought(2, classes=1, activation="sigmoid", body=small_body), "linear")
    card = kept(home, model, TWO)
    assert card.qat_problems == ()
    pixels = noise(3, SIDE, SIDE, 3)
    yes = np.asarray(model(pixels.astype(np.float32), training=False))
    np.testing.assert_allclose(answers(card, pixels), np.concatenate([1 - yes, yes], 1), atol=1e-4)


@pytest.mark.parametrize("ending", ["hard_sigmoid", "no", "raw"])
def test_a_ready_file_whose_one_output_no_operator_tells_is_read_by_its_answers(
    ending: str, home: Home, tmp_path: Path
) -> None:
    keras = keras_of(2)
    model = brought(2, classes=1, activation=None if ending == "raw" else "sigmoid")
    if ending == "hard_sigmoid":
        model = passing(brought(2, classes=1, activation=None), "hard_sigmoid")
    else:
        turned = 1 - model.output if ending == "no" else 3 - 8 * abs(model.output)
        model = keras.Model(model.input, turned)
    card = kept_file(home, tflite_of(model, tmp_path / "one.tflite"), TWO)
    assert card.answers.logit is (ending == "raw")


def test_a_softmax_of_one_output_is_refused(home: Home, tmp_path: Path) -> None:
    model = brought(2, classes=1, activation="softmax")
    with pytest.raises(ModelError, match="softmax of itself, always 1") as error:
        check(home, tflite_of(model, tmp_path / "one.tflite"), TWO)
    assert "over its classes" in error.value.hint
    with pytest.raises(ModelError, match="softmax of itself, always 1"):
        kept(home, passing(model, "linear"), TWO)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_ready_file_with_one_output_is_read_as_two_classes(
    activation: str | None, home: Home, tmp_path: Path
) -> None:
    model = brought(2, classes=1, activation=activation)
    path = tflite_of(model, tmp_path / "one.tflite")
    card = kept_file(home, path, TWO)
    assert card.answers.logit is (activation is None)
    pixels = noise(3, SIDE, SIDE, 3)
    yes = np.asarray(model(pixels.astype(np.float32), training=False), np.float64)
    yes = 1 / (1 + np.exp(-yes)) if activation is None else yes
    from effq_core.models.file_input import write_answers

    write_answers(path, card.answers)
    lite = Model(path)
    assert lite.classes == 2
    found = np.stack([lite.predict(image) for image in pixels])
    np.testing.assert_allclose(found, np.concatenate([1 - yes, yes], 1), atol=1e-5)


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


def test_a_ready_file_with_a_background_output_stands_beside_a_run_without(
    home: Home, tmp_path: Path
) -> None:
    path = tflite_of(brought(2, classes=5), tmp_path / "five.tflite")
    labels = parse_labels("\n".join(("Background", *TINY_LABELS)))
    card = kept_file(home, path, replace(OFFER, labels=labels, resize=Resize.STRETCH))
    params, entry = ready_stage(card.variant, home, TINY_LABELS)
    assert params["answers"] == {"logit": False, "background": 0}
    assert entry == ImageInput(SIDE, Resize.STRETCH)
    params, _ = ready_stage(card.variant, home, [label.name for label in labels])
    assert "answers" not in params  # the run has that class: it is an answer like any other


def recognising(labels: list[str], place: int) -> Any:
    """Knows the photos of these labels by their coarse colours; one output more has no label."""
    keras, side = keras_of(2), SIDE // 4
    photos = sample_pixels(ImageInput(SIDE))
    pictures = np.full((len(labels), side * side * 3), 1.5)
    for shown, pixels in zip(photos.shown, photos.pixels, strict=True):
        if wanted := [name for name in shown if name in labels]:
            small = pixels.reshape(side, 4, side, 4, 3).mean((1, 3)).ravel()
            pictures[labels.index(wanted[0])] = small / 127.5 - 1
    pictures = np.insert(pictures, place, 1.5, axis=0)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(x))
    model = keras.Model(image, keras.layers.Dense(len(labels) + 1, activation="softmax")(x))
    model.layers[-1].set_weights([2 * pictures.T, -(pictures**2).sum(axis=1)])
    return model


@pytest.mark.parametrize(("at", "word"), [(0, "first"), (-1, "last")])
def test_an_output_without_a_label_is_found_by_the_sample_photos(
    at: int, word: str, home: Home, tmp_path: Path
) -> None:
    known = [names[0] for names in sample_pixels(ImageInput(SIDE)).shown if names]
    assert len(known) > 4
    labels = [*known, *(f"thing {number}" for number in range(30))]
    place = at % (len(labels) + 1)
    model = recognising(labels, place)
    offer = replace(OFFER, labels=parse_labels("\n".join(labels)))
    card = kept(home, model, offer)
    assert any(f"The {word} output has no label" in note for note in card.notes)
    expected = [*labels[:place], "background", *labels[place:]]
    assert card.head_labels == tuple(Label(name) for name in expected)
    ready = kept_file(home, tflite_of(model, tmp_path / "more.tflite"), offer)
    assert ready.labels == card.head_labels


def test_one_lucky_photo_does_not_tell_which_output_has_no_label() -> None:
    labels = ["cat", *(f"thing {number}" for number in range(999))]
    shown = [["cat"], ["cup"], ["dog"]]
    found = np.eye(1001, dtype=np.float32)[[1, 500, 500]]
    with pytest.raises(ModelError, match="do not tell") as error:
        unlabelled(found, labels, shown)
    assert "write background" in error.value.hint
    assert unlabelled(found[[0, 0, 1]], labels, [["cat"], ["cat"], ["cup"]]) == 0


def test_an_output_without_a_label_that_photos_do_not_tell_is_refused(home: Home) -> None:
    labels = parse_labels("\n".join(f"thing {i}" for i in range(4)))
    with pytest.raises(ModelError, match="5 outputs for 4 labels") as error:
        kept(home, brought(2, classes=5), replace(OFFER, labels=labels))
    assert "write background" in error.value.hint
