"""How a model's answers are judged: by its last layer and all sample photos, never by names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.intake import sample_answers as answers
from effq_core.intake import steps, trying
from effq_core.intake.ending import Ending
from effq_core.intake.steps import Step, StepState
from effq_core.photos.image_input import ImageInput
from effq_core.photos.photo_patches import sample_photos
from tests.models.own_files import SIDE, classifier, keras_of, pooled_colours


def sure(of: float, classes: int) -> Any:
    """Answers to eleven photos, each with the same share for its best class."""
    found = np.full((11, classes), (1 - of) / (classes - 1))
    found[np.arange(11), np.arange(11) % classes] = of
    return found


def test_all_sample_photos_are_asked_whatever_the_labels() -> None:
    photos = answers.sample_pixels(ImageInput(SIDE))
    assert photos.names == tuple(each.name for each in sample_photos())
    assert photos.pixels.shape == (len(photos.names), SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("share", "classes", "doubtful"),
    [(0.99, 2, False), (0.6, 2, False), (0.52, 2, True), (0.3, 4, True), (0.5, 4, False),
     (0.15, 10, True), (0.0015, 1000, True), (0.01, 1000, False)],
)  # fmt: skip
def test_little_more_than_chance_is_doubted(share: float, classes: int, doubtful: bool) -> None:
    assert ("than by chance" in answers.doubt(sure(share, classes))) == doubtful


def test_of_two_classes_one_may_be_the_answer_to_all_that_is_neither() -> None:
    same = np.tile([[0.9, 0.1]], (11, 1))
    assert answers.doubt(same) == ""
    assert "same answer" in answers.doubt(np.tile([[0.8, 0.1, 0.1]], (11, 1)))


@pytest.mark.parametrize("major", [2, 3])
@pytest.mark.parametrize(
    ("activation", "ending"),
    [("softmax", Ending.PROBABILITIES), (None, Ending.SCORES), ("sigmoid", Ending.INDEPENDENT),
     ("relu", None)],
)  # fmt: skip
def test_the_last_layer_says_what_the_outputs_are(
    major: int, activation: str | None, ending: Ending | None
) -> None:
    model = classifier(major, pooled_colours, activation=activation)
    assert trying.ending_of(lambda x: model(x, training=False), ImageInput(SIDE)) is ending


@pytest.mark.parametrize("major", [2, 3])
def test_the_last_layer_of_a_model_inside_counts(major: int) -> None:
    keras = keras_of(major)
    image = keras.Input((SIDE, SIDE, 3))
    scores = classifier(major, pooled_colours, activation=None)(image)
    model = keras.Model(image, keras.layers.Reshape((4,))(scores))
    assert trying.ending_of(lambda x: model(x, training=False), ImageInput(SIDE)) is Ending.SCORES


def test_scores_between_0_and_1_are_scores_where_the_last_layer_says_so() -> None:
    found = np.array([[0.2, 0.7], [0.4, 0.9]])
    assert trying.needs_softmax(found, Ending.SCORES)
    assert not trying.needs_softmax(np.array([[0.5, 0.4]]), Ending.PROBABILITIES)
    with pytest.raises(ModelError, match="sigmoid"):
        trying.needs_softmax(found)
    with pytest.raises(ModelError, match="sigmoid"):
        trying.needs_softmax(np.array([[0.5, 0.5]]), Ending.INDEPENDENT)
    assert trying.needs_softmax(np.array([[0.2, 0.7], [3.0, -2.0]]))  # one photo settles it


def test_steps_tell_no_path(tmp_path: Path) -> None:
    told = f"Permission denied: '{tmp_path}/a/model.keras', 1/255 and https://keras.io/api"
    steps.append(tmp_path, Step("Load it", StepState.FAILED, told, f"Look at {tmp_path}."))
    (step,) = steps.read(tmp_path)
    assert step.detail == "Permission denied: 'model.keras', 1/255 and https://keras.io/api"
    assert str(tmp_path.parent) not in step.hint
