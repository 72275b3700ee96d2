"""What every source of photos offers, so that stages need not know which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

    from effq_core.base.reporting import Reporter
    from effq_core.photos.index import Index

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
