"""What a model takes of a photo: how many pixels, brought to a square how, in colour or grey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GREY, COLOUR = 1, 3  # channels of an input
LUMA = "grey: 0.299 R + 0.587 G + 0.114 B (ITU-R 601, Pillow's “L”)"  # how colours become grey


class Resize(StrEnum):
    """How a photo of any shape becomes a square."""

    CROP = "crop"  # shortest side resized, centre cut out, as torchvision does
    STRETCH = "stretch"  # both sides resized, as ``image_dataset_from_directory`` does

    @property
    def label(self) -> str:
        """Name for people."""
        return _LABELS[self]


_LABELS = {
    Resize.CROP: "Shortest side resized, centre cropped",
    Resize.STRETCH: "Stretched to a square",
}


@dataclass(frozen=True)
class ImageInput:
    """The input of a model."""

    side: int  # of the square, in pixels
    resize: Resize = Resize.CROP  # how a photo becomes that square
    channels: int = COLOUR  # :data:`COLOUR` or :data:`GREY`

    @classmethod
    def of(cls, given: int | ImageInput) -> ImageInput:
        """Takes a bare side for a cropped square in colour."""
        return given if isinstance(given, ImageInput) else cls(given)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ImageInput:
        """Reads what holds :meth:`to_plain`; what is not said is a cropped square in colour."""
        channels = int(plain.get("channels", COLOUR))
        if channels not in (GREY, COLOUR):
            raise ValueError(f"{channels} channels")
        return cls(int(plain["image_size"]), Resize(plain.get("resize", Resize.CROP)), channels)

    def to_plain(self) -> dict[str, Any]:
        """Returns JSON values; the usual is left out, so that older fingerprints stay."""
        plain: dict[str, Any] = {"image_size": self.side}
        if self.resize is not Resize.CROP:
            plain["resize"] = self.resize.value
        if self.channels != COLOUR:
            plain["channels"] = self.channels
        return plain

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the pixels: side, side, channels."""
        return self.side, self.side, self.channels

    @property
    def text(self) -> str:
        """The input in a few words."""
        colours = "RGB" if self.channels == COLOUR else "grey (ITU-R 601 luma)"
        stretched = ", photos stretched to a square" if self.resize is Resize.STRETCH else ""
        return f"{self.side} × {self.side} px, {colours}{stretched}"

    @property
    def short(self) -> str:
        """The input in as few words as tell it from others: ``224 px``, ``28 px, grey``."""
        unusual = "" if self.channels == COLOUR else ", grey"
        return f"{self.side} px{unusual}{', stretched' * (self.resize is Resize.STRETCH)}"
