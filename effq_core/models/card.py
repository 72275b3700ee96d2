"""What is known of a model but its weights; importing this imports no TensorFlow."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from effq_core.base.errors import ModelError
from effq_core.base.settings import ASSETS, Home
from effq_core.photos.image_input import ImageInput

IMAGENETTE_WNIDS = (
    *("n01440764", "n02102040", "n02979186", "n03000684", "n03028079"),
    *("n03394916", "n03417042", "n03425413", "n03445777", "n03888257"),
)


@dataclass(frozen=True)
class Label:
    """One class of a model's head."""

    name: str  # what it shows
    wnid: str | None = None  # WordNet id where the class is one of ImageNet's


@dataclass(frozen=True)
class Normalisation:
    """What a model does to RGB 0-255 before its first layer: ``x * scale + offset`` a channel."""

    scale: tuple[float, ...]  # factor of R, G and B; of a grey input one number
    offset: tuple[float, ...]  # summand of R, G and B; likewise
    order: tuple[int, int, int] = (0, 1, 2)  # which of R, G and B the model's channels are

    def plain(self) -> dict[str, list[float]]:
        """Returns JSON values; the order only where it is not RGB."""
        made: dict[str, list[float]] = {"scale": list(self.scale), "offset": list(self.offset)}
        return made if self.order == (0, 1, 2) else {**made, "order": list(self.order)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Sequence[float]]) -> Normalisation:
        """Reads what :meth:`plain` returned."""
        first, second, third = (int(each) for each in plain.get("order", (0, 1, 2)))
        return cls(tuple(plain["scale"]), tuple(plain["offset"]), (first, second, third))

    @classmethod
    def caffe(cls) -> Normalisation:
        """Returns BGR minus ImageNet's mean, as in Keras' VGG and ResNet50."""
        return cls((1.0,) * 3, (-103.939, -116.779, -123.68), (2, 1, 0))

    @classmethod
    def centred(cls, mean: float, divisor: float) -> Normalisation:
        """Returns ``(x - mean) / divisor`` for every channel."""
        return cls((1 / divisor,) * 3, (-mean / divisor,) * 3)

    @property
    def is_grey(self) -> bool:
        """Whether it is the same for all colours."""
        return len(set(self.scale)) == len(set(self.offset)) == 1

    def for_channels(self, channels: int) -> Normalisation:
        """Returns the same for 1 or 3 channels, or raises ModelError if its colours differ."""
        if channels == len(self.scale):
            return self
        if not self.is_grey:
            raise ModelError(
                "The model takes grey images, and this preprocessing has a value for each colour.",
                "Choose 0 to 1, −1 to 1, raw, or inside.",
            )
        return Normalisation(self.scale[:1], self.offset[:1])

    @classmethod
    def imagenet(cls) -> Normalisation:
        """Returns ImageNet's mean and deviation, as in Keras' EfficientNetV2 B0 to B3."""
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        scale = tuple(1 / (255 * d) for d in deviation)
        offset = tuple(-m / d for m, d in zip(mean, deviation, strict=True))
        return cls((scale[0], scale[1], scale[2]), (offset[0], offset[1], offset[2]))


@dataclass(frozen=True)
class Weights:
    """A file of weights and how to be sure that it is the right one."""

    file: str  # name under ``assets/weights`` (bundled) or under the store's ``models`` folder
    bytes: int | None = None  # its size, where known
    sha256: str | None = None  # its SHA-256, for bundled files
    md5: str | None = None  # its MD5, as published by Keras for its downloads
    url: str = ""  # where it is downloaded from; empty for bundled files


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Everything about a model but its weights."""

    id: str
    title: str
    architecture: str  # one of its family's, such as ``efficientnetv2_b0``
    image_size: int  # side of the square input it is meant for, pixels
    parameters: int  # numbers its weights consist of
    labels: str  # name of its label set, ``imagenette`` or ``imagenet``
    normalisation: Normalisation  # applied inside the exported graph
    weights: Weights  # where its weights come from
    licence: str  # terms of the weights
    source: str  # who trained it, how, and how well it does
    summary: str  # when to choose it

    @property
    def head_labels(self) -> tuple[Label, ...]:
        """Its classes, in the order of its outputs."""
        return label_set(self.labels)

    @property
    def image_input(self) -> ImageInput:
        """What it takes of a photo: bundled models a cropped square in colour."""
        return ImageInput(self.image_size)

    @property
    def float32_bytes(self) -> int:
        """Bytes of its weights as 32-bit numbers."""
        return 4 * self.parameters

    @property
    def bundled(self) -> bool:
        """Whether it works without a network."""
        return not self.weights.url

    def is_present(self, home: Home) -> bool:
        """Whether its weights are on this machine."""
        folder = ASSETS / "weights" if self.bundled else home.models
        return (folder / self.weights.file).is_file()


LABEL_SETS = ("imagenette", "imagenet")  # those there are, the smallest first


@cache
def label_set(name: str) -> tuple[Label, ...]:
    """Reads ``imagenet`` (1,000) or ``imagenette`` (ten) in output order, or raises ModelError."""
    if name not in LABEL_SETS:
        raise ModelError(f"There is no label set {name!r}.")
    with (ASSETS / "imagenet_labels.csv").open(newline="", encoding="utf-8") as file:
        imagenet = tuple(Label(row["name"], row["wnid"]) for row in csv.DictReader(file))
    if name == "imagenet":
        return imagenet
    by_wnid = {label.wnid: label for label in imagenet}
    return tuple(by_wnid[wnid] for wnid in IMAGENETTE_WNIDS)
