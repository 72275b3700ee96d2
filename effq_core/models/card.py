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
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)


@dataclass(frozen=True)
class Label:
    """One class of a model's head.

    Attributes:
        name: What it shows.
        wnid: WordNet id where the class is one of ImageNet's.
    """

    name: str
    wnid: str | None = None


@dataclass(frozen=True)
class Normalisation:
    """What a model does to RGB 0-255 before its first layer: ``x * scale + offset`` a channel.

    Attributes:
        scale: Factor of R, G and B; of a grey input one number.
        offset: Summand of R, G and B; likewise.
        order: Which of R, G and B the model's channels are; scale and offset are those of its
            channels. Of no meaning for a grey input.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    order: tuple[int, int, int] = (0, 1, 2)

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
        """Returns the same for a grey input, where it is the same for all colours.

        Args:
            channels: Of the input, 1 or 3.

        Raises:
            ModelError: If it treats colours differently, and the input has none.
        """
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
    """A file of weights and how to be sure that it is the right one.

    Attributes:
        file: Name under ``assets/weights`` (bundled) or under the store's ``models`` folder.
        bytes: Its size, where known.
        sha256: Its SHA-256, for bundled files.
        md5: Its MD5, as published by Keras for its downloads.
        url: Where it is downloaded from; empty for bundled files.
    """

    file: str
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Everything about a model but its weights.

    Attributes:
        id: Identifier.
        title: Name for people.
        architecture: One of its family's, such as ``efficientnetv2_b0``.
        image_size: Side of the square input it is meant for, pixels.
        parameters: Numbers its weights consist of.
        labels: Name of its label set, ``imagenette`` or ``imagenet``.
        normalisation: Applied inside the exported graph.
        weights: Where its weights come from.
        licence: Terms of the weights.
        source: Who trained it, how, and how well it does.
        summary: When to choose it.
    """

    id: str
    title: str
    architecture: str
    image_size: int
    parameters: int
    labels: str
    normalisation: Normalisation
    weights: Weights
    licence: str
    source: str
    summary: str

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


LABEL_SETS = ("imagenette", "imagenet")
"""Those there are, the smallest first."""


@cache
def label_set(name: str) -> tuple[Label, ...]:
    """Reads a label set, in the order of the model's outputs.

    Args:
        name: ``imagenet`` (1,000 classes) or ``imagenette`` (ten).

    Returns:
        The labels.

    Raises:
        ModelError: If there is no such label set.
    """
    if name not in LABEL_SETS:
        raise ModelError(f"There is no label set {name!r}.")
    with (ASSETS / "imagenet_labels.csv").open(newline="", encoding="utf-8") as file:
        imagenet = tuple(Label(row["name"], row["wnid"]) for row in csv.DictReader(file))
    if name == "imagenet":
        return imagenet
    by_wnid = {label.wnid: label for label in imagenet}
    return tuple(by_wnid[wnid] for wnid in IMAGENETTE_WNIDS)
