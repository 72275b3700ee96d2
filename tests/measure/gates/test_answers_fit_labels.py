"""A model at chance level is told which usual cause fits, by running real files otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from effq_core.base.errors import Cancelled
from effq_core.base.reporting import SilentReporter
from effq_core.measure.feedings import Refed, other_feedings
from effq_core.measure.gates import Gate, answers_fit_labels
from effq_core.measure.gates.answers_fit_labels import Subject, _better_feeding, labels_gate
from effq_core.measure.predictions import Predictions
from effq_core.models.card import Normalisation
from effq_core.models.file_input import Feeding, read_feeding
from effq_core.models.own.card import Preprocessing
from effq_core.runtimes.model import Model, ModelPool

SIDE, EACH = 16, 20
NAMES = ["black", "coal", "grey", "ash", "silver", "white"]
CLASSES = len(NAMES)
RAW = Normalisation((1.0,) * 3, (0.0,) * 3)
TRAINED_FOR = Preprocessing.MINUS_ONE_ONE.normalisation
Make = Callable[..., Path]


def facts(gate: Gate) -> Mapping[str, Any]:
    assert gate.facts is not None
    return gate.facts


def fed_as(preprocessing: str, colours: str = "") -> dict[str, Any]:
    """What would make all of them right; colours in another order are nothing to choose."""
    return {
        "preprocessing": preprocessing,
        "colours": colours,
        "offered": not colours,
        "right": len(NAMES) * EACH,
        "n": len(NAMES) * EACH,
    }


@pytest.fixture(scope="module")
def photos() -> tuple[np.ndarray, np.ndarray]:
    """More red than blue; how green they are is their class, in order."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(CLASSES), EACH)
    colour = np.stack(
        [np.full(len(labels), 230.0), 25.5 + 40.8 * labels, np.full(len(labels), 25.0)], axis=-1
    )
    noise = rng.normal(0, 8, (len(labels), SIDE, SIDE, 3))
    return np.clip(colour[:, None, None] + noise, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Converts a classifier of those photos whose layers were trained for −1 to 1."""
    import tensorflow as tf

    levels = tf.constant(np.linspace(-0.8, 0.8, CLASSES), tf.float32)

    def converted(inside: Normalisation = RAW, *, bgr: bool = False, order: object = None) -> Path:
        @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)])
        def classify(image: tf.Tensor) -> tf.Tensor:
            x = tf.reduce_mean(image * inside.scale + inside.offset, [1, 2])
            red, green, blue = tf.split(x[:, ::-1] if bgr else x, 3, axis=1)
            # Of a photo with more blue than red it can tell nothing.
            scores = tf.nn.relu6(red - blue) * 20.0 * (2 * green * levels - levels**2)
            return tf.nn.softmax(scores if order is None else tf.gather(scores, order, axis=1))

        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [classify.get_concrete_function()]
        )
        path = tmp_path_factory.mktemp("colours") / "model.tflite"
        path.write_bytes(converter.convert())
        return path

    return converted


@pytest.fixture(scope="module")
def make_seeing(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Normalisation], Path]:
    """Converts a model that answers what its layers see: the mean of each of their channels."""
    import tensorflow as tf

    def converted(inside: Normalisation) -> Path:
        @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)])
        def look(image: tf.Tensor) -> tf.Tensor:
            ordered = tf.gather(image, inside.order, axis=-1)
            return tf.reduce_mean(ordered * inside.scale + inside.offset, [1, 2])

        converter = tf.lite.TFLiteConverter.from_concrete_functions([look.get_concrete_function()])
        path = tmp_path_factory.mktemp("seeing") / "model.tflite"
        path.write_bytes(converter.convert())
        return path

    return converted


@pytest.fixture
def judge(photos: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Callable[..., Gate | None]:
    """Answers the photos with a file, and asks whether that fits their labels."""
    images, labels = photos

    def judged(
        path: Path, chosen: slice = slice(None), **known: Normalisation | None
    ) -> Gate | None:
        seen = images[chosen]
        subject = Subject("float32", path, seen, tmp_path / "again", **known)  # type: ignore[arg-type]
        outputs = ModelPool(path).predict_many(seen)
        predictions = Predictions(outputs, labels[chosen], None, [str(i) for i in range(len(seen))])
        return labels_gate(predictions, subject, NAMES, SilentReporter())

    return judged


def test_a_model_fed_as_it_was_trained_passes_and_is_not_run_again(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(TRAINED_FOR), inside=TRAINED_FOR)
    assert gate.passed and gate.value == 1
    assert not facts(gate)["at_chance"]
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("said", [Preprocessing.RAW, Preprocessing.ZERO_ONE])
def test_the_preprocessing_it_was_trained_with_is_found_behind_the_one_in_the_graph(
    make: Make, judge: Callable[..., Gate], said: Preprocessing
) -> None:
    inside = said.normalisation or RAW
    gate = judge(make(inside), inside=inside)
    assert not gate.passed
    assert (gate.value, facts(gate)["at_chance"]) == (pytest.approx(1 / 6), True)
    assert facts(gate)["feeding"] == fed_as("minus_one_one")


def test_an_output_that_is_no_answer_is_none_either_where_it_is_fed_otherwise(
    make_seeing: Callable[[Normalisation], Path], tmp_path: Path
) -> None:
    file = make_seeing(RAW)
    photos = np.full((4, SIDE, SIDE, 3), (200, 100, 50), np.uint8)
    way = next(each for each in other_feedings(None) if each.preprocessing == "zero_one")
    assert set(Refed(file, tmp_path / "all").answers(photos, way)) == {0}
    assert set(Refed(file, tmp_path / "some", None, 0).answers(photos, way)) == {1}
    truth = np.ones(4, np.int64)
    outputs = ModelPool(file).predict_many(photos)
    few = Predictions(outputs, truth, np.array([0, 1, 2]), list("abcd"), ignored=0)
    asked: list[int | None] = []
    subject = Subject("F", file, photos, tmp_path / "x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            answers_fit_labels, "Refed", lambda *known: asked.append(known[3]) or Refed(*known)
        )
        _better_feeding(truth, few, subject, None)
    assert asked == [0]


def test_preprocessing_that_is_done_twice_is_found(make: Make, judge: Callable[..., Gate]) -> None:
    twice = Normalisation(
        tuple(a * a for a in TRAINED_FOR.scale),  # type: ignore[arg-type,union-attr]
        tuple(a * b + b for a, b in zip(TRAINED_FOR.scale, TRAINED_FOR.offset, strict=True)),  # type: ignore[arg-type,union-attr]
    )
    gate = judge(make(twice), inside=TRAINED_FOR)
    assert not gate.passed and facts(gate)["feeding"] == fed_as("inside")


def test_colours_in_the_order_bgr_are_found(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(TRAINED_FOR, bgr=True), inside=TRAINED_FOR)
    assert not gate.passed
    assert facts(gate)["feeding"] == fed_as("", "BGR")
    both = judge(make(RAW, bgr=True), inside=RAW)
    assert facts(both)["feeding"] == fed_as("minus_one_one", "BGR")


def test_what_a_brought_file_is_fed_is_replaced(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(RAW), outside=None)
    assert not gate.passed and facts(gate)["feeding"] == fed_as("minus_one_one")
    # What lies beside the file itself is not touched.
    assert not list(make(RAW).parent.glob("*.json"))
    assert list((tmp_path / "again").glob("*.json"))


def test_labels_in_another_order_are_named_without_running_it(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(TRAINED_FOR, order=[3, 1, 2, 0, 4, 5]), inside=TRAINED_FOR)
    assert not gate.passed and gate.value == pytest.approx(4 / 6)
    assert facts(gate)["order"] == {
        "after": 120,
        "n": 120,
        "rule": "",
        "swapped": True,
        "pairs": [["black", "ash"]],
        "count": 1,
    }
    all_moved = judge(make(TRAINED_FOR, order=[1, 2, 3, 4, 5, 0]), inside=TRAINED_FOR)
    assert facts(all_moved)["at_chance"]
    assert facts(all_moved)["order"]["rule"] in ("after", "before")
    assert not (tmp_path / "again").exists()


def test_where_no_usual_cause_fits_it_says_so(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(replace(RAW, scale=(0.0,) * 3)), inside=None)
    assert not gate.passed and gate.value == pytest.approx(gate.limit)
    assert facts(gate)["useless"] and not facts(gate)["order"] and not facts(gate)["feeding"]


def test_a_few_photos_fail_nothing(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(RAW), slice(None, None, 20), inside=RAW)
    assert gate.passed and facts(gate)["at_chance"] and not facts(gate)["useless"]


def test_without_labels_there_is_nothing_to_fit(tmp_path: Path) -> None:
    nothing = Predictions(np.eye(3, dtype=np.float32), None, None, ["a", "b", "c"])
    subject = Subject("float32", tmp_path / "none", np.zeros((3, 2, 2, 3), np.uint8), tmp_path)
    assert labels_gate(nothing, subject, NAMES) is None


def test_a_way_of_feeding_that_does_not_fit_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"no model can be fed this way")
    way = next(other_feedings(None))
    answers = Refed(path, tmp_path / "again").answers(np.zeros((2, 8, 8, 3), np.uint8), way)
    assert answers.tolist() == [-1, -1]


def test_every_preprocessing_is_tried_in_both_orders_of_the_colours_but_what_it_sees() -> None:
    known = {way.normalisation or RAW for way in Preprocessing}
    for own in Preprocessing:
        ways = [way.values for way in other_feedings(own.normalisation)]
        assert len(set(ways)) == len(ways)
        seen = {own.normalisation or RAW}
        reverse = {replace(each, order=each.order[::-1]) for each in known}
        assert set(ways) == (known - seen) | reverse


def test_a_grey_input_has_no_colours_to_tell_apart() -> None:
    ways = list(other_feedings(None, channels=1))
    assert [way.preprocessing for way in ways] == ["zero_one", "minus_one_one"]
    assert all(way.facts["offered"] and not way.colours for way in ways)


CAFFE = Normalisation.caffe()


@pytest.mark.parametrize("inside", [None, Normalisation.imagenet(), CAFFE])
def test_what_the_graph_does_first_is_undone_its_order_of_colours_too(
    make_seeing: Callable[[Normalisation], Path], tmp_path: Path, inside: Normalisation | None
) -> None:
    image = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    file = Refed(make_seeing(inside or RAW), tmp_path / "again", inside)
    for way in other_feedings(inside):
        file.answers(image[None], way)
        wanted = image[..., list(way.values.order)] * way.values.scale + way.values.offset
        found = Model(tmp_path / "again" / "model.tflite").predict(image)
        np.testing.assert_allclose(found, wanted.mean((0, 1)), rtol=1e-4, atol=1e-3)


def test_a_copy_that_is_fed_otherwise_keeps_its_softmax(
    make_seeing: Callable[[Normalisation], Path], tmp_path: Path
) -> None:
    path = make_seeing(RAW)
    Feeding(softmax=True).write(path)
    Refed(path, tmp_path / "again").answers(
        np.zeros((1, SIDE, SIDE, 3), np.uint8), next(other_feedings(None))
    )
    fed = read_feeding(tmp_path / "again" / path.name)
    assert fed is not None and fed.softmax


def test_it_can_be_cancelled(
    make: Make, photos: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    class Cancelling(SilentReporter):
        def check_cancelled(self) -> None:
            raise Cancelled("The run was cancelled.")

    images, labels = photos
    path = make(RAW)
    answers = Predictions(
        ModelPool(path).predict_many(images), labels, None, [str(i) for i in range(len(images))]
    )
    with pytest.raises(Cancelled):
        labels_gate(answers, Subject("F", path, images, tmp_path / "x"), NAMES, Cancelling())
