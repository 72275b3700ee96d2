"""How a dataset's classes relate to a model's, decided without loading either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core.models.catalogue import Label


class HeadUse(StrEnum):
    """What becomes of a model's head on a dataset."""

    WHOLE = "whole"
    """The dataset's classes are the model's."""
    SUBSET = "subset"
    """The dataset's classes are some of the model's: an answer outside them counts as wrong."""
    NEW = "new"
    """The dataset has classes of its own: a new head is trained on frozen features."""
    UNLABELLED = "unlabelled"
    """There are no labels: agreement with float32 is measured, accuracy is not."""


@dataclass(frozen=True)
class ClassMatch:
    """How a dataset's labels are read.

    Attributes:
        use: What becomes of the head.
        class_map: Index of the model's output for each label of the dataset; empty for ``NEW``,
            where they are the same, and for ``UNLABELLED``.
    """

    use: HeadUse
    class_map: tuple[int, ...] = ()


def match_classes(
    labels: Sequence[Label], class_names: Sequence[str], wnids: Sequence[str | None]
) -> ClassMatch:
    """Finds a dataset's classes among a model's, by WordNet id, else by name.

    Args:
        labels: The model's classes.
        class_names: The dataset's, empty where it has no labels.
        wnids: WordNet id of each, where known.

    Returns:
        The match. One class that is not found makes the whole head new.
    """
    if not class_names:
        return ClassMatch(HeadUse.UNLABELLED)
    by_wnid = {label.wnid: i for i, label in enumerate(labels) if label.wnid}
    by_name: dict[str, int] = {}
    for i, label in enumerate(labels):
        # ImageNet has two cranes and two maillots: a name that means two classes means none.
        by_name[label.name.casefold()] = -1 if label.name.casefold() in by_name else i
    found = [
        by_wnid.get(wnid, -1) if wnid else by_name.get(name.casefold(), -1)
        for name, wnid in zip(class_names, wnids, strict=True)
    ]
    if -1 in found or len(set(found)) < len(found):
        return ClassMatch(HeadUse.NEW)
    use = HeadUse.WHOLE if len(found) == len(labels) else HeadUse.SUBSET
    return ClassMatch(use, tuple(found))
