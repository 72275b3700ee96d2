"""Models people brought: built from the layers that were kept of their files."""

import json
from typing import Any

from effq_core.base.errors import ModelError
from effq_core.models.card import ModelCard
from effq_core.models.families.family import FakeQuant, Family, Layer, register
from effq_core.models.own.card import ARCHITECTURE, FLAT_FILE, OwnCard

_KINDS = {
    "Normalise": "DEPTHWISE_CONV_2D",
    "Conv2D": "CONV_2D",
    "DepthwiseConv2D": "DEPTHWISE_CONV_2D",
    "Dense": "FULLY_CONNECTED",
    "Add": "ADD",
}
"""Operators of the layers that have names to keep, or make a group."""


def _build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    from effq_core.models.own.flat import FlatModel, build_flat  # which imports TensorFlow

    del image_size  # it takes its own
    return build_flat(FlatModel.read(_own(card).folder).with_classes(classes))


def _layers(card: ModelCard) -> tuple[Layer, ...] | None:
    file = _own(card).folder / FLAT_FILE
    if not file.is_file():  # kept as a graph: its names come with its conversion
        return None
    try:
        rows = json.loads(file.read_text(encoding="ascii"))["layers"]
        return tuple((str(r["name"]), _KINDS[r["kind"]]) for r in rows if r["kind"] in _KINDS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The layers in {file.parent} cannot be read: {error}.", "Add the model again."
        ) from error


def _own(card: ModelCard) -> OwnCard:
    if not isinstance(card, OwnCard):
        raise ModelError(f"{card.title} is no model of your own.")
    return card


register(
    Family(
        name=ARCHITECTURE,
        architectures=(ARCHITECTURE,),
        cards=(),
        build=_build,
        layers=_layers,
        fake_quant=FakeQuant(
            outputs=("Add", "Multiply", "ReLU", "GlobalAveragePooling2D"), split=("swish",)
        ),
    )
)
