"""A model with one output answers yes or no: it becomes one of two classes, or is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import check
from effq_core.models.class_names import parse_labels
from effq_core.runtimes.model import Model
from tests.intake.checked_files import OFFER, answers, kept, kept_file
from tests.models.own_files import SIDE, keras_of, small_body
from tests.models.scope_files import brought, noise, tflite_of

TWO = replace(OFFER, labels=parse_labels("no\nyes"))


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
