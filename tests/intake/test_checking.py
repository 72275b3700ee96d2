"""Whole models through the real checking process: what they are kept as, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.intake.adding import Checked, check, discard
from effq_core.intake.keeping import keep
from effq_core.intake.steps import Step, StepState
from effq_core.models.build import open_own
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import Model
from tests.intake.checked_files import OFFER, left_behind, refused
from tests.models.own_files import (
    SIDE,
    classifier,
    keras_of,
    pooled,
    saved_model_zip,
    tiny_classifier,
    with_float_operators,
    with_gelu,
    with_unknown_layers,
)


def _told(checked: Checked, title: str) -> Step:
    return next(step for step in checked.steps if step.title == title)


@pytest.mark.parametrize(("major", "ending"), [(2, "h5"), (3, "keras")])
def test_a_good_file_is_kept_as_layers_and_answers_as_it_did(
    major: int, ending: str, home: Home, tmp_path: Path
) -> None:
    path = tmp_path / f"good.{ending}"
    model = classifier(major)
    model.save(str(path))
    checked = check(home, path, replace(OFFER, name=path.name))
    assert {step.state for step in checked.steps} <= {StepState.DONE, StepState.WARNING}
    assert "every layer is supported" in _told(checked, "Insert fake-quant for QAT").detail
    card = keep(home, checked, "Good one")
    assert (card.id, card.image_size, card.qat_problems) == ("own:good_one", SIDE, ())
    assert card.file_format == f"Keras {_version(major)} (.{ending})"
    assert {each.name for each in card.folder.iterdir()} == {
        "card.json", "flat.json", "weights.npz",
    }  # fmt: skip
    photos = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(open_own(card)(photos, training=False)),
        np.asarray(model(photos, training=False)),
        atol=1e-5,
    )
    assert left_behind(home) == []


def _version(major: int) -> str:
    import keras

    import tf_keras

    return str(keras.__version__ if major == 3 else tf_keras.__version__)


def test_layers_that_are_not_known_are_named_and_the_model_is_kept_as_a_graph(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "odd.keras"
    model = classifier(3, with_unknown_layers, activation=None)
    model.save(str(path))
    checked = check(home, path, replace(OFFER, preprocessing=Preprocessing.MINUS_ONE_ONE))
    card = keep(home, checked, "Odd")
    assert card.qat_problems[0] == "odd_one (LeakyReLU)"
    assert card.head_problem
    assert any("softmax" in note for note in card.notes)
    photos = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    scores = np.asarray(model(photos / 127.5 - 1, training=False), np.float64)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    kept = open_own(card)
    answers = kept.predict_many(photos.astype(np.uint8), SilentReporter())
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    freeze(kept, tmp_path / "frozen")
    (tmp_path / "m.tflite").write_bytes(convert(tmp_path / "frozen", "float32"))
    answer = Model(tmp_path / "m.tflite").predict(photos[0].astype(np.uint8))
    np.testing.assert_allclose(answer, expected[0], atol=1e-4)


def test_operators_that_stay_float_in_int8_are_said(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "elu.keras"
    classifier(2, with_float_operators).save(str(path))
    checked = check(home, path, OFFER)
    assert _told(checked, "Convert to int8").state is StepState.WARNING
    assert "tensors are floats" in keep(home, checked, "Elu").notes[-1]


def test_a_zipped_saved_model_is_kept_as_a_graph(home: Home, tmp_path: Path) -> None:
    checked = check(
        home, saved_model_zip(tmp_path), replace(OFFER, preprocessing=Preprocessing.RAW)
    )
    card = keep(home, checked, "Graph")
    assert card.file_format == "SavedModel"
    assert "save it as .keras" in card.qat_problems[0]
    assert open_own(card).input_shape == (None, SIDE, SIDE, 3)
    discard(checked)  # harmless a second time


def test_exact_gelu_is_kept_as_a_graph_with_post_training_variants(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "gelu.keras"
    classifier(3, with_gelu).save(str(path))
    checked = check(home, path, OFFER)
    assert checked.report["int8_problem"] == ""
    assert "the activation gelu" in checked.report["qat_problems"][0]


def test_half_precision_is_taken_in_float32_and_said(home: Home, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "half.keras"
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        classifier(3, with_unknown_layers).save(str(path))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    checked = check(home, path, replace(OFFER, preprocessing=Preprocessing.ZERO_ONE))
    assert "It was saved in mixed_float16 and is taken in float32." in checked.report["notes"]


def test_scores_of_independent_classes_are_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "sigmoid.keras"
    classifier(
        3, lambda k, x: pooled(k, k.layers.Rescaling(1 / 255)(x)), activation="sigmoid"
    ).save(str(path))
    assert "do not add up to 1" in refused(home, path)


def test_labels_of_another_number_are_refused_with_both_numbers(home: Home, tmp_path: Path) -> None:
    offer = replace(OFFER, labels=parse_labels("cat\ndog"))
    message = refused(home, tiny_classifier(tmp_path), offer)
    assert message == "There are 2 labels, and the model has 4 outputs."


@pytest.mark.parametrize("augmentation", ["RandomFlip", "RandomRotation", "RandomZoom"])
def test_an_exported_graph_that_augments_names_the_way_out(
    augmentation: str, home: Home, tmp_path: Path
) -> None:
    layers = keras_of(3).layers
    made = getattr(layers, augmentation)(*(() if "Flip" in augmentation else (0.1,)))

    def body(keras: Any, x: Any) -> Any:
        return pooled(keras, keras.layers.Conv2D(4, 3)(made(x)))

    classifier(3, body).export(str(tmp_path / "sm"), verbose=False)
    path = Path(shutil.make_archive(str(tmp_path / "sm"), "zip", tmp_path, "sm"))
    with pytest.raises(ModelError, match="still augments photos at random") as error:
        check(home, path, OFFER)
    assert "model.save('model.keras')" in error.value.hint
