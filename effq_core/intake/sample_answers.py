"""Sample photos for a model to be tried on, and its answers to them; imports no TensorFlow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError
from effq_core.base.intervals import DOUBT, by_luck
from effq_core.measure.feedings import Refed, fed, other_feedings
from effq_core.measure.predictions import Floats, Ints
from effq_core.measure.reordering import ORDERS, usual_orders
from effq_core.models.card import Normalisation
from effq_core.models.own import extra_output
from effq_core.models.samples import shown_in
from effq_core.photos.decode import Pixels, decode, open_image
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


CHECK_WHAT_WAS_SAID = "Check the labels and the preprocessing, and add it again."
_SURELY_SEEN = 3  # photos of which recognising none is worth a word
_UNLIKELY = 0.01  # chance of knowing one by luck, up to which that tells something


def unrecognised(
    path: Path,  # its ``.tflite`` file, float or as it was added
    folder: Path,  # where a copy of it may be
    photos: Photos,
    found: Floats,  # its answers to them, float32 (n, classes)
    labels: Sequence[str],
    *,
    inside: Normalisation | None = None,  # preprocessing in the file's graph
    outside: Normalisation | None = None,  # what it is fed of RGB 0–255, where another thing
) -> str:
    """Says that a model does not know the sample photos, and why; empty where that is not sure."""
    index = {name: i for i, name in enumerate(labels)}
    shows = [frozenset(index[name] for name in each if name in index) for each in photos.shown]
    known = [i for i, classes in enumerate(shows) if classes]
    if not known:
        return ""
    wanted = [shows[i] for i in known]
    luck = [len(classes) / len(labels) for classes in wanted]
    answers: Ints = found.argmax(axis=1)[known]
    right = _hits(answers, wanted)
    if by_luck(right, luck) < DOUBT:
        return ""
    file = Refed(path, folder, inside)
    tried = list(_tried(file, photos.pixels[known], answers, labels, outside or inside))
    hits = [_hits(other, wanted) for _, other in tried]
    best = int(np.argmax(hits))
    seen = f"of the {fmt.counted(len(known), 'sample photo')} the model has classes for"
    if hits[best] > right and len(tried) * by_luck(hits[best], luck) < DOUBT:
        return f"It recognises {right} {seen}; {tried[best][0]} it would be {hits[best]}."
    if right == 0 and len(known) >= _SURELY_SEEN and max(luck) <= _UNLIKELY:
        return f"It recognises none {seen}: are its labels in the order of its outputs?"
    return ""


def _tried(
    file: Refed, pixels: Pixels, answers: Ints, labels: Sequence[str], seen: Normalisation | None
) -> Iterator[tuple[str, Ints]]:
    for rule, meaning in usual_orders(labels):
        yield ORDERS[rule], meaning[answers]
    for way in other_feedings(seen, pixels.shape[-1]):
        yield f"with {fed(way.facts)}", file.answers(pixels, way)


def _hits(answers: Ints, wanted: Sequence[frozenset[int]]) -> int:
    return sum(int(a) in classes for a, classes in zip(answers, wanted, strict=True))
