"""Sample photos for a model to be tried on, and its answers to them; imports no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError
from effq_core.models.own import extra_output
from effq_core.models.samples import shown_in
from effq_core.photos.decode import decode, open_image
from effq_core.photos.image_input import ImageInput
from effq_core.photos.photo_patches import sample_photos

_Array = np.ndarray[Any, Any]
_TOP = 3
_LITTLE = 0.1  # of what lies between chance and certainty: less says that a model knows nothing


@dataclass(frozen=True)
class Photos:
    """Sample photos as a model sees them."""

    names: tuple[str, ...]  # what each shows
    pixels: _Array  # uint8 ``(n, side, side, channels)``
    shown: tuple[tuple[str, ...], ...]  # what each shows, in the words of any labels


def sample_pixels(entry: ImageInput) -> Photos:
    """Reads all sample photos: the names of a model's classes must not decide how it is judged."""
    samples = sample_photos()
    pixels = [decode(open_image(each.path, each.name), entry) for each in samples]
    names = tuple(each.name for each in samples)
    return Photos(names, np.stack(pixels), tuple(shown_in(name) for name in names))


def all_labels(
    found: _Array, labels: Sequence[str], photos: Photos, whose: str
) -> tuple[list[str], int | None]:
    """Returns the labels of all outputs and the place of one without; may raise ModelError."""
    background = extra_output.unlabelled(found, labels, photos.shown)
    made = extra_output.with_background(labels, background)
    if len(made) != found.shape[1]:
        raise ModelError(
            f"There are {fmt.count(len(made))} labels, and {whose} has "
            f"{fmt.counted(found.shape[1], 'output')}.",
            "Give one label a line, in the order of the outputs.",
        )
    return made, background


def answers_of(photos: Photos, found: _Array, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Returns JSON values: each photo's name and its best of ``(n, classes)`` probabilities."""
    rows = []
    for name, values in zip(photos.names, found, strict=True):
        best = np.argsort(-values, kind="stable")[:_TOP]
        rows.append({"photo": name, "top": [[labels[i], float(values[i])] for i in best]})
    return rows


def two_classes_note(labels: Sequence[str], *, kept: bool = False) -> str:
    """Says how one output is read as two classes, in the file or, where it is ``kept``, by EffQ."""
    if len(labels) != 2:
        return "One output, yes or no: it needs two labels, first the one for no."
    ending = (
        "EffQ reads it as two probabilities."
        if kept
        else "The files made of it have an output for each."
    )
    return f"One output, yes or no: 0 is {labels[0]}, 1 is {labels[1]}. {ending}"


def doubt(found: _Array) -> str:
    """Says what is odd about probabilities ``(n, classes)``; empty where nothing is."""
    classes = found.shape[1]
    # Of two classes one is the likelier for all that is neither; of more, hardly.
    if classes > 2 and len(found) > 2 and len(set(found.argmax(axis=1))) == 1:
        return (
            f"All {len(found)} photos got the same answer: is the preprocessing the one the model "
            "was trained with?"
        )
    sure = float(found.max(axis=1).mean())
    if sure < min(2 / classes, 1 / classes + _LITTLE * (1 - 1 / classes)):
        return (
            f"The best class gets {fmt.percent(sure)} on average, hardly more than by chance: is "
            "it trained, and is the preprocessing right?"
        )
    return ""
