"""A model at chance level is told which usual cause fits, by running real files otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from effq_core.errors import Cancelled
from effq_core.measure.diagnosis import Subject, labels_gate
from effq_core.measure.feedings import Refed, other_feedings
from effq_core.measure.gates import Gate
from effq_core.measure.predictions import Predictions
from effq_core.measure.runtime import ModelPool
from effq_core.models.catalogue import Normalisation
from effq_core.models.own.preprocessing import Preprocessing
from effq_core.reporting import SilentReporter

SIDE, EACH = 16, 20
NAMES = ["black", "coal", "grey", "ash", "silver", "white"]
CLASSES = len(NAMES)
RAW = Normalisation((1.0,) * 3, (0.0,) * 3)
TRAINED_FOR = Preprocessing.MINUS_ONE_ONE.normalisation
Make = Callable[..., Path]


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


@pytest.fixture
def judge(photos: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Callable[..., Gate | None]:
    """Answers the photos with a file, and asks whether that fits their labels."""
    images, labels = photos

    def judged(
        path: Path, chosen: slice = slice(None), **known: Normalisation | None
    ) -> Gate | None:
        seen = images[chosen]
        subject = Subject("Float32", path, seen, tmp_path / "again", **known)  # type: ignore[arg-type]
        outputs = ModelPool(path).predict_many(seen)
        predictions = Predictions(outputs, labels[chosen], None, [str(i) for i in range(len(seen))])
        return labels_gate(predictions, subject, NAMES, SilentReporter())

    return judged


def test_a_model_fed_as_it_was_trained_passes_and_is_not_run_again(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(TRAINED_FOR), inside=TRAINED_FOR)
    assert gate.passed and gate.value == 1
    assert gate.detail == "100.0 % of 120 photos are right, more than by chance."
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("said", [Preprocessing.RAW, Preprocessing.ZERO_ONE])
def test_the_preprocessing_it_was_trained_with_is_found_behind_the_one_in_the_graph(
    make: Make, judge: Callable[..., Gate], said: Preprocessing
) -> None:
    inside = said.normalisation or RAW
    gate = judge(make(inside), inside=inside)
    assert not gate.passed
    assert gate.detail == (
        "Float32 is no better than chance on these photos: 16.7 % of 120 photos are right. With "
        "preprocessing minus_one_one it would be right on 100 % of 120. Add it again with "
        "this preprocessing."
    )


def test_preprocessing_that_is_done_twice_is_found(make: Make, judge: Callable[..., Gate]) -> None:
    twice = Normalisation(
        tuple(a * a for a in TRAINED_FOR.scale),  # type: ignore[arg-type,union-attr]
        tuple(a * b + b for a, b in zip(TRAINED_FOR.scale, TRAINED_FOR.offset, strict=True)),  # type: ignore[arg-type,union-attr]
    )
    gate = judge(make(twice), inside=TRAINED_FOR)
    assert not gate.passed and "With preprocessing inside it would be right on 100 %" in gate.detail


def test_colours_in_the_order_bgr_are_found(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(TRAINED_FOR, bgr=True), inside=TRAINED_FOR)
    assert not gate.passed
    assert gate.detail.endswith(
        "With its colours in the order BGR it would be right on 100 % of 120. Put a layer in front "
        "of it that reverses the colours, and add it again."
    )
    both = judge(make(RAW, bgr=True), inside=RAW)
    assert "With preprocessing minus_one_one and its colours in the order BGR" in both.detail


def test_what_a_brought_file_is_fed_is_replaced(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(RAW), outside=None)
    assert not gate.passed and "With preprocessing minus_one_one" in gate.detail
    # What lies beside the file itself is not touched.
    assert not list(make(RAW).parent.glob("*.json"))
    assert list((tmp_path / "again").glob("*.json"))


def test_labels_in_another_order_are_named_without_running_it(
    make: Make, judge: Callable[..., Gate], tmp_path: Path
) -> None:
    gate = judge(make(TRAINED_FOR, order=[3, 1, 2, 0, 4, 5]), inside=TRAINED_FOR)
    assert not gate.passed and gate.value == pytest.approx(4 / 6)
    assert gate.detail.startswith(
        "The labels look re-ordered: after swapping “black” and “ash” it would be right on 100 %."
    )
    assert gate.detail.endswith("As it is, 66.7 % of 120 photos are right.")
    all_moved = judge(make(TRAINED_FOR, order=[1, 2, 3, 4, 5, 0]), inside=TRAINED_FOR)
    assert "Float32 is no better than chance" in all_moved.detail
    assert "the class after it" in all_moved.detail or "the class before it" in all_moved.detail
    assert not (tmp_path / "again").exists()


def test_where_no_usual_cause_fits_it_says_so(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(replace(RAW, scale=(0.0,) * 3)), inside=None)
    assert not gate.passed and gate.value == pytest.approx(gate.limit)
    assert "No usual cause fits" in gate.detail


def test_a_few_photos_fail_nothing(make: Make, judge: Callable[..., Gate]) -> None:
    gate = judge(make(RAW), slice(None, None, 20), inside=RAW)
    assert gate.passed and gate.detail.endswith("too few photos to tell Float32 from chance.")


def test_without_labels_there_is_nothing_to_fit(tmp_path: Path) -> None:
    nothing = Predictions(np.eye(3, dtype=np.float32), None, None, ["a", "b", "c"])
    subject = Subject("Float32", tmp_path / "none", np.zeros((3, 2, 2, 3), np.uint8), tmp_path)
    assert labels_gate(nothing, subject, NAMES) is None


def test_a_way_of_feeding_that_does_not_fit_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"no model can be fed this way")
    way = next(other_feedings(None))
    answers = Refed(path, tmp_path / "again").answers(np.zeros((2, 8, 8, 3), np.uint8), way)
    assert answers.tolist() == [-1, -1]


def test_a_grey_input_has_no_order_of_colours_and_what_it_sees_is_not_tried_again() -> None:
    assert not any(way.bgr for way in other_feedings(None, channels=1))
    for own in Preprocessing:
        ways = list(other_feedings(own.normalisation))
        assert len({(way.values, way.bgr) for way in ways}) == len(ways)
        assert (own.normalisation or RAW, False) not in {(way.values, way.bgr) for way in ways}


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
