"""Does a model know the sample photos (exact probability by chance), and if not, why?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.intervals import DOUBT, by_luck
from effq_core.intake.sample_answers import Photos
from effq_core.measure.feedings import Refed, fed, other_feedings
from effq_core.measure.predictions import Floats, Ints
from effq_core.measure.reordering import ORDERS, usual_orders
from effq_core.models.card import Normalisation
from effq_core.photos.decode import Pixels

CHECK_WHAT_WAS_SAID = "Check the labels and the preprocessing, and add it again."
"""What to do about it."""

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
