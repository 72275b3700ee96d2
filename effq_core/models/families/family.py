"""What a family of models has to answer, and which families there are. Imports no TensorFlow."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from effq_core.base.errors import InputError
from effq_core.base.registry import Registry
from effq_core.base.settings import ASSETS
from effq_core.models.card import LABEL_SETS, ModelCard

NORMALISE = "normalise"
FEATURES = "avg_pool"
HEAD = "predictions"
"""Layers every model has: what the image meets first, what the head sees, and the head."""

Layer = tuple[str, str]  # name of a layer with weights, and its operator; or of any addition


class Build(Protocol):
    """Builds a model of a family with untrained weights."""

    def __call__(self, card: ModelCard, *, classes: int, image_size: int) -> Any:
        """Builds a flat ``tf_keras.Model``."""


@dataclass(frozen=True, kw_only=True)
class FakeQuant:
    """What quantization-aware training has to know beyond layers with a kernel."""

    outputs: tuple[str, ...]  # Keras layers whose output gets a range
    split: tuple[str, ...] = ()  # activations of several operators: they need a range


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models that are built alike."""

    name: str
    architectures: tuple[str, ...]  # what a card may name as its architecture
    cards: tuple[ModelCard, ...]  # models with weights that come with EffQ or are downloaded
    build: Build  # builds one; imports TensorFlow only when it is called
    # Names what can be kept in floats, in the graph's order; ``None``: only a converted file tells.
    layers: Callable[[ModelCard], tuple[Layer, ...] | None]
    fake_quant: FakeQuant  # what its layers need in quantization-aware training


FAMILIES: Registry[Family] = Registry("model family")
MODELS: dict[str, ModelCard] = {}  # of all families, bundled and small heads first


def register(family: Family) -> None:
    """Adds a family and its models, or raises InputError if any of it is another's already."""
    taken = {name for each in FAMILIES.values() for name in each.architectures}
    for name in [name for name in family.architectures if name in taken]:
        raise InputError(f"Two model families have the architecture {name!r}.")
    for card in family.cards:
        if card.id in MODELS or card.architecture not in family.architectures:
            raise InputError(f"{family.name} cannot have the model {card.id!r}: it is another's.")
    FAMILIES.register(family)
    cards = [*MODELS.values(), *family.cards]
    cards.sort(key=lambda card: (not card.bundled, LABEL_SETS.index(card.labels)))
    MODELS.clear()
    MODELS.update({card.id: card for card in cards})


def family_of(card: ModelCard) -> Family:
    """Returns the family a model is of. Raises InputError if none has its architecture."""
    for family in FAMILIES.values():
        if card.architecture in family.architectures:
            return family
    known = ", ".join(name for each in FAMILIES.values() for name in each.architectures)
    raise InputError(
        f"No model family has the architecture {card.architecture!r}.", f"There are: {known}."
    )


@lru_cache(maxsize=4)
def layers_in_weights(file: str) -> tuple[Layer, ...]:
    """Reads a family's layers, such as ``block1a_dwconv/0``, in a file below ``assets/weights``."""
    with zipfile.ZipFile(ASSETS / "weights" / file) as content:
        arrays = [name.removesuffix(".npy").partition("/") for name in content.namelist()]
    # Four arrays: a batch normalisation, which is folded into the convolution before it.
    folded = {layer for layer, _, number in arrays if number == "3"}
    found = [(NORMALISE, "DEPTHWISE_CONV_2D")]
    for layer in dict.fromkeys(layer for layer, _, _ in arrays):
        if layer not in folded:
            found.append((layer, "DEPTHWISE_CONV_2D" if "dwconv" in layer else "CONV_2D"))
    return (*found, ("add", "ADD"))  # EfficientNets add what enters a block to what leaves it
