"""What can be kept in floats by name: known before a model is built. Imports no TensorFlow."""

from __future__ import annotations

import json
import zipfile
from functools import lru_cache
from pathlib import Path

from effq_core.base.errors import ModelError
from effq_core.base.settings import ASSETS
from effq_core.models.catalogue import MODELS, ModelCard
from effq_core.models.own.card import FLAT_FILE, OwnCard
from effq_core.tflite.naming import (
    DEPTHWISE,
    RESIDUALS,
    SQUEEZE_EXCITE,
    Names,
    block_of,
    has_numbered_blocks,
    is_stage,
)

_NORMALISE = ("normalise", "DEPTHWISE_CONV_2D")
_KINDS = {
    "Normalise": "DEPTHWISE_CONV_2D",
    "Conv2D": "CONV_2D",
    "DepthwiseConv2D": "DEPTHWISE_CONV_2D",
    "Dense": "FULLY_CONNECTED",
    "Add": "ADD",
}
"""Operators of the layers of a model of one's own that have names to keep, or make a group."""

Layer = tuple[str, str]
"""Name of a layer, and its operator."""


def names_of(card: ModelCard | OwnCard) -> Names | None:
    """Returns what a model's parts are called.

    Returns:
        The names; ``None`` for a model that is kept as a graph: its names come with its conversion.
    """
    if isinstance(card, OwnCard):
        file = card.folder / FLAT_FILE
        return _arranged(_own_layers(file)) if file.is_file() else None
    # Names come with the architecture, whatever weights are in it.
    bundled = next(
        each for each in MODELS.values() if each.bundled and each.architecture == card.architecture
    )
    return _arranged(_bundled_layers(ASSETS / "weights" / bundled.weights.file))


def _own_layers(file: Path) -> tuple[Layer, ...]:
    try:
        rows = json.loads(file.read_text(encoding="ascii"))["layers"]
        return tuple((str(r["name"]), _KINDS[r["kind"]]) for r in rows if r["kind"] in _KINDS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The layers in {file.parent} cannot be read: {error}.", "Add the model again."
        ) from error


@lru_cache(maxsize=4)
def _bundled_layers(weights: Path) -> tuple[Layer, ...]:
    """Reads the names of layers in the file of their weights: ``block1a_dwconv/0``."""
    with zipfile.ZipFile(weights) as file:
        arrays = [name.removesuffix(".npy").partition("/") for name in file.namelist()]
    # Four arrays: a batch normalisation, which is folded into the convolution before it.
    folded = {layer for layer, _, number in arrays if number == "3"}
    found = [_NORMALISE]
    for layer in dict.fromkeys(layer for layer, _, _ in arrays):
        if layer not in folded:
            found.append((layer, "DEPTHWISE_CONV_2D" if "dwconv" in layer else "CONV_2D"))
    return (*found, ("add", "ADD"))  # EfficientNets add what enters a block to what leaves it


def _arranged(layers: tuple[Layer, ...]) -> Names:
    """Puts layers into blocks and groups by the rules that read a converted model."""
    numbered = has_numbered_blocks(name for name, _ in layers)
    blocks: dict[str, list[str]] = {}
    groups: dict[str, None] = {}
    block = ""
    for name, kind in layers:
        if kind == "ADD":
            groups[RESIDUALS] = None
            continue
        block = block_of(name, kind, block, has_blocks=numbered)
        blocks.setdefault(block, []).append(name)
        if is_stage(block):
            if kind == "DEPTHWISE_CONV_2D":
                groups[DEPTHWISE] = None
            if "_se_" in name:
                groups[SQUEEZE_EXCITE] = None
    order = [each for each in (RESIDUALS, DEPTHWISE, SQUEEZE_EXCITE) if each in groups]
    return Names({name: tuple(each) for name, each in blocks.items()}, tuple(order))
