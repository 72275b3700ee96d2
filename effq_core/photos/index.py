"""The index of a dataset: which images there are, and which were left out and why."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from effq_core.base.errors import StoreError
from effq_core.base.settings import ASSETS

if TYPE_CHECKING:
    from PIL import Image

    from effq_core.base.reporting import Reporter

TRAIN = "train"
VAL = "val"


@dataclass(frozen=True)
class ImageItem:
    """One image of a dataset."""

    key: str  # stable relative identifier, such as ``train/n01440764/x.JPEG``
    label: int | None  # position of its class in the names; ``None`` when unlabelled
    split: str | None  # ``train`` or ``val`` where the dataset makes the difference, else ``None``
    sha256: str  # of its bytes, or of its pixels where there is no file


class Dataset(Protocol):
    """A source of images, with labels or without."""

    id: str  # an experiment names it by
    title: str  # for people
    class_names: tuple[str, ...]  # in the order of the labels; empty when unlabelled
    wnids: tuple[str | None, ...]  # WordNet id of each class, ``None`` where it has none
    licence: str  # terms of use of the images
    source: str  # where the images come from
    reference_size: int | None  # shortest side all are stored at, pixels; ``None``: it varies

    def state(self) -> str:
        """Returns what changes when the content does, or raises DatasetError where it is gone."""

    def scan(self, reporter: Reporter) -> Index:
        """Lists every usable image, without duplicates."""

    def open(self, item: ImageItem) -> Image.Image:
        """Reads one image as stored, or raises DatasetError; several threads may call it."""


@dataclass(frozen=True)
class Skipped:
    """An image that is not used."""

    key: str
    reason: str


@dataclass(frozen=True)
class Index:
    """All usable images of a dataset at one moment."""

    dataset: str
    state: str
    items: tuple[ImageItem, ...]  # by their keys, no two of the same content
    class_names: tuple[str, ...]  # names of the classes; empty when unlabelled
    wnids: tuple[str | None, ...]  # WordNet id of each class or ``None``
    skipped: tuple[Skipped, ...] = ()

    @property
    def is_labelled(self) -> bool:
        """Whether the images have labels."""
        return bool(self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; items are short lists, because ImageNet has 1.3 million of them."""
        return {
            "dataset": self.dataset,
            "state": self.state,
            "class_names": list(self.class_names),
            "wnids": list(self.wnids),
            "items": items_to_json(self.items),
            "skipped": [[entry.key, entry.reason] for entry in self.skipped],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Index:
        """Rebuilds an index from :meth:`to_dict`."""
        try:
            items = tuple(items_from_json(plain["items"]))
            names, wnids = tuple(plain["class_names"]), tuple(plain["wnids"])
            skipped = tuple(Skipped(key, reason) for key, reason in plain["skipped"])
            return cls(plain["dataset"], plain["state"], items, names, wnids, skipped)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"The stored index of a dataset is corrupt ({error!r}).",
                "Delete that entry of the store and run again: it is scanned again.",
            ) from error


def items_to_json(items: Iterable[ImageItem]) -> list[list[Any]]:
    """Returns each image as ``[key, label, split, sha256]``."""
    return [[item.key, item.label, item.split, item.sha256] for item in items]


def items_from_json(rows: Iterable[Any]) -> list[ImageItem]:
    """Rebuilds images from rows of :func:`items_to_json`."""
    return [ImageItem(*row) for row in rows]


def remove_duplicates(items: Iterable[ImageItem]) -> tuple[list[ImageItem], list[Skipped]]:
    """Keeps one image of each content, in the order of their keys; says why the others go.

    The copy of the evaluation split stays. Where labels differ all go: nobody knows which is wrong.
    """
    groups: dict[str, list[ImageItem]] = {}
    for item in items:
        groups.setdefault(item.sha256, []).append(item)
    kept: list[ImageItem] = []
    skipped: list[Skipped] = []
    for group in groups.values():
        group.sort(key=lambda item: (item.split != VAL, item.key))
        if len({item.label for item in group}) > 1:
            for item in group:
                others = ", ".join(other.key for other in group if other is not item)
                skipped.append(Skipped(item.key, f"same content under another label: {others}"))
            continue
        kept.append(group[0])
        skipped += [Skipped(item.key, f"same content as {group[0].key}") for item in group[1:]]
    kept.sort(key=lambda item: item.key)
    skipped.sort(key=lambda entry: entry.key)
    return kept, skipped


LABELS_FILE = ASSETS / "imagenet_labels.csv"
_WNID = re.compile(r"n\d{8}")


def as_wnid(name: str) -> str | None:
    """Returns a folder's name if it is a WordNet id (``n`` and eight digits), else ``None``."""
    return name if _WNID.fullmatch(name) else None


@cache
def wordnet_names(path: Path = LABELS_FILE) -> dict[str, str]:
    """Reads the names of ImageNet-1k's classes, by WordNet id, or raises StoreError."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["wnid"]: row["name"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise StoreError(
            f"The bundled labels {path} cannot be read ({error}).", "Install EffQ Studio again."
        ) from error
