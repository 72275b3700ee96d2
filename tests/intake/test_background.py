"""An output more than there are labels: found by the sample photos, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.sample_answers import sample_pixels
from effq_core.models.card import Label
from effq_core.models.class_names import parse_labels
from effq_core.models.own.extra_output import unlabelled
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.pipeline.plan_model import ready_stage
from tests.intake.checked_files import OFFER, kept, kept_file
from tests.models.own_files import SIDE, TINY_LABELS, keras_of
from tests.models.scope_files import brought, tflite_of


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
