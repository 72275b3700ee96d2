"""What parts of a model are called: blocks, layers inside them, and groups across them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from effq_core.base.errors import ModelError
from effq_core.base.plain import Plain
from effq_core.tflite.operators import operator_kind

_BLOCK = re.compile(r"(block\d+[a-z]|stem|top)_")
_NUMBERED = re.compile(r"block\d+[a-z]_")
_HEAD = re.compile(r"(avg_pool|predictions|head|dense)")
STEM, HEAD = "stem", "head"
RESIDUALS, DEPTHWISE, SQUEEZE_EXCITE = "residuals", "depthwise", "squeeze_excite"
"""Names of groups: the same part of every block. Residual additions have no weights, but pass on
what all blocks before them have added up: of wide range, and rounded anew by each block."""


def layer_name(tensor: str) -> str:
    """Finds ``stem_conv`` in ``net/stem_bn/FusedBatchNormV3;net/stem_conv/Conv2D1``."""
    parts = [part for part in tensor.split(";") if part.strip("/")]
    # A long name is cut off in the middle of its last part: that part has no operator any more.
    whole = [part for part in parts if part.count("/") >= 1] or parts or [tensor]
    names = whole[-1].split("/")
    return re.sub(r":\d+$", "", names[1] if len(names) > 2 else names[0])


def has_numbered_blocks(layers: Iterable[str]) -> bool:
    """Tells whether layers are named after EfficientNet's blocks."""
    return any(_NUMBERED.match(layer) for layer in layers)


def is_stage(block: str) -> bool:
    """Tells whether a block is one of EfficientNet's stages, by its name."""
    return re.fullmatch(r"block\d+[a-z]", block) is not None


def block_of(layer: str, kind: str, current: str, *, has_blocks: bool) -> str:
    """Names an operator's block: its own or ``current``, or one each that has weights."""
    if layer.startswith("normalise"):
        return STEM
    if known := _BLOCK.match(layer):
        return HEAD if known[1] == "top" else known[1]
    if _HEAD.match(layer) and (current == HEAD or current.startswith("block")):
        return HEAD
    if not current or (operator_kind(kind).has_kernel and not has_blocks):
        return layer
    return current


@dataclass(frozen=True)
class Names(Plain):
    """What a model's parts are called."""

    # Name of each block and of its layers with weights, in order.
    blocks: tuple[tuple[str, tuple[str, ...]], ...]
    groups: tuple[str, ...]  # names of the groups it has: the same part of every block

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """Names of the layers with weights, by block."""
        return dict(self.blocks)

    @property
    def every(self) -> tuple[str, ...]:
        """All names: of blocks, of groups, and of layers."""
        layers = self.layers
        return (*layers, *self.groups, *(name for each in layers.values() for name in each))

    def check(self, names: Iterable[str]) -> None:
        """Refuses, with a ``ModelError``, names of no block, layer or group."""
        known = set(self.every)
        for name in names:
            if name not in known:
                raise ModelError(
                    f"The model has no block, layer or group {name!r}.", self._hint(name)
                )

    def _hint(self, name: str) -> str:
        block = name.partition("_")[0]
        parts = [f"Blocks: {', '.join(self.layers)}."]
        if self.groups:
            parts.append(f"Groups: {', '.join(self.groups)}.")
        if block in self.layers:
            parts.append(f"Layers of {block}: {', '.join(self.layers[block])}.")
        if near := difflib.get_close_matches(name, self.every, 1):
            parts.insert(0, f"Did you mean {near[0]}?")
        return " ".join(parts)
