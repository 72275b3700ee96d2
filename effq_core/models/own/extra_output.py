"""A "background" output beside a model's classes, first or last: found, named, and left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.base.intervals import DOUBT, by_luck

BACKGROUND = "background"
_FEWEST = 3  # outputs of a model that can have one in excess: of two, one is no class among others
_Array = np.ndarray[Any, Any]


def background_of(names: Sequence[str]) -> int | None:
    """Returns the place of a first or last class called background; ``None`` where neither is."""
    for place in (0, len(names) - 1):
        if names and names[place].casefold() == BACKGROUND:
            return place
    return None


def beside(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Returns the place of a background output that a run's classes lack; ``None``: no such."""
    place = background_of(names)
    known = {name.casefold() for name in wanted}
    return None if place is None or names[place].casefold() in known else place


def unlabelled(found: _Array, labels: Sequence[str], shown: Sequence[Sequence[str]]) -> int | None:
    """Finds the one output that has no label, first or last, by the answers to sample photos.

    ``found`` is ``(photos, outputs)``. Returns 0 or the number of labels; ``None`` where there is
    not one output more than labels. Raises ModelError if the photos do not tell.
    """
    if found.shape[1] != len(labels) + 1 or found.shape[1] < _FEWEST:
        return None
    best = found.argmax(axis=1)
    right, luck = [0, 0], [len(set(names) & set(labels)) / len(labels) for names in shown]
    for answer, names in zip(best, shown, strict=True):
        for at, shift in enumerate((1, 0)):
            place = int(answer) - shift
            right[at] += 0 <= place < len(labels) and labels[place] in names
    if right[0] == right[1] or by_luck(max(right), luck) >= DOUBT:
        raise ModelError(
            f"The model has {len(labels) + 1:,} outputs for {len(labels):,} labels, and the sample "
            "photos do not tell which one has no label.",
            f"Give {len(labels) + 1:,} labels: write {BACKGROUND} where that output is.",
        )
    return 0 if right[0] > right[1] else len(labels)


def with_background(labels: Sequence[str], place: int | None) -> list[str]:
    """Returns the labels of all outputs, the one without a label called background."""
    made = list(labels)
    if place is not None:
        made.insert(place, BACKGROUND)
    return made


def note(place: int) -> str:
    """Says which output had no label."""
    return (
        f"The {'last' if place else 'first'} output has no label: it is taken for "
        f"“{BACKGROUND}”, and left out where photos have no such class."
    )
