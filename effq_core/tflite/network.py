"""A model's operators, layers and blocks, by the names its float32 ``.tflite`` file has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from effq_core.tflite.file import Graph, read_tflite
from effq_core.tflite.naming import (
    DEPTHWISE,
    HEAD,
    RESIDUALS,
    SQUEEZE_EXCITE,
    STEM,
    Names,
    block_of,
    has_numbered_blocks,
    is_stage,
    layer_name,
)


class BlockKind(StrEnum):
    """What a block is in EfficientNet's terms (Tan and Le, 2019 and 2021)."""

    STEM = "stem"  # normalisation and the first convolution
    FUSED_MBCONV = "fused_mbconv"  # one full convolution for expansion and depthwise
    MBCONV = "mbconv"  # expansion, depthwise convolution, often squeeze-and-excite, projection
    HEAD = "head"  # the last convolution, pooling, and the classifier
    OTHER = "other"  # of a model that is not an EfficientNet


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operator."""

    index: int  # its place in the file's main graph
    kind: str  # such as ``CONV_2D``
    tensor: str  # name of the tensor it makes
    shape: tuple[int, ...]  # of that tensor, without the batch
    sources: tuple[str, ...]  # names of the activations it reads
    kernel: tuple[int, ...]  # shape of its weights; empty where it has none
    weights: int  # number of its weights and biases
    layer: str  # name of its layer
    block: str  # name of its block


@dataclass(frozen=True)
class Block:
    """Operators that belong together and can be kept in floats together."""

    name: str  # such as ``block4b``
    kind: BlockKind  # what it is
    ops: tuple[Op, ...]  # its operators, in order

    @property
    def stage(self) -> int | None:
        """Number of EfficientNet's stage, from 1; ``None`` for the stem, the head and others."""
        found = re.match(r"block(\d+)", self.name)
        return int(found[1]) if found else None

    @property
    def has_se(self) -> bool:
        """Whether it has squeeze-and-excite."""
        return any("_se_" in op.layer for op in self.ops)

    @property
    def has_residual(self) -> bool:
        """Whether its input is added to its output."""
        return any(op.kind == "ADD" for op in self.ops)

    @property
    def weights(self) -> int:
        """Number of weights and biases."""
        return sum(op.weights for op in self.ops)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors its operators make."""
        return tuple(op.tensor for op in self.ops)

    @property
    def layers(self) -> dict[str, tuple[Op, ...]]:
        """Its operators by the layer with weights before them, as they share its precision."""
        found: dict[str, list[Op]] = {}
        name = ""
        for op in self.ops:
            if op.kernel or not name:
                name = op.layer
            found.setdefault(name, []).append(op)
        return {name: tuple(ops) for name, ops in found.items()}


@dataclass(frozen=True)
class Network:
    """A model as blocks in order."""

    blocks: tuple[Block, ...]  # in the order of the graph

    @cached_property
    def by_name(self) -> dict[str, Block]:
        """Blocks by name."""
        return {block.name: block for block in self.blocks}

    @property
    def ops(self) -> tuple[Op, ...]:
        """All operators, in order of blocks."""
        return tuple(op for block in self.blocks for op in block.ops)

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Names of the tensors of each group, by its name; those that the model has."""
        layers = [
            (name, ops)
            for block in self.blocks
            if block.stage is not None
            for name, ops in block.layers.items()
        ]
        found = {
            RESIDUALS: [op for op in self.ops if op.kind == "ADD" and len(op.sources) == 2],
            DEPTHWISE: [
                op for _, ops in layers if ops[0].kind == "DEPTHWISE_CONV_2D" for op in ops
            ],
            SQUEEZE_EXCITE: [op for name, ops in layers if "_se_" in name for op in ops],
        }
        return {name: tuple(op.tensor for op in ops) for name, ops in found.items() if ops}

    def tensors_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Finds the tensors that blocks, layers or groups make; ``ModelError`` without such."""
        layers = {name: ops for block in self.blocks for name, ops in block.layers.items()}
        asked = tuple(names)
        self.names.check(asked)
        found: dict[str, None] = {}
        for name in asked:
            ops = self.by_name[name].ops if name in self.by_name else layers.get(name)
            tensors = self.groups[name] if ops is None else (op.tensor for op in ops)
            found |= dict.fromkeys(tensors)
        return tuple(found)

    @cached_property
    def names(self) -> Names:
        """What its parts are called."""
        blocks = tuple((block.name, tuple(block.layers)) for block in self.blocks)
        return Names(blocks, tuple(self.groups))


def read_network(float32: Path | bytes) -> Network:
    """Reads the blocks of a float32 ``.tflite`` file or its bytes; ``ModelError`` for a bad one."""
    grouped: dict[str, list[Op]] = {}
    for op in _ops(read_tflite(float32).main):
        grouped.setdefault(op.block, []).append(op)
    return Network(
        tuple(Block(name, _kind(name, group), tuple(group)) for name, group in grouped.items())
    )


def _ops(graph: Graph) -> list[Op]:
    made = {*graph.makers, *graph.inputs}
    has_blocks = has_numbered_blocks(layer_name(op.output.name) for op in graph.operators)
    found: list[Op] = []
    block = ""
    for op in graph.operators:
        layer = layer_name(op.output.name)
        block = block_of(layer, op.kind.name, block, has_blocks=has_blocks)
        inputs = [tensor for tensor in op.inputs if tensor is not None]
        constants = [tensor for tensor in inputs if tensor not in made]
        found.append(
            Op(
                index=op.index,
                kind=op.kind.name,
                tensor=op.output.name,
                shape=op.output.shape[1:],
                sources=tuple(tensor.name for tensor in inputs if tensor in made),
                kernel=op.kernel.shape if op.kernel else (),
                weights=sum(math.prod(each.shape) for each in constants) if op.kernel else 0,
                layer=layer,
                block=block,
            )
        )
    return found


def _kind(name: str, ops: list[Op]) -> BlockKind:
    if name in (STEM, HEAD):
        return BlockKind(name)
    if not is_stage(name):
        return BlockKind.OTHER
    depthwise = any(op.kind == "DEPTHWISE_CONV_2D" for op in ops)
    return BlockKind.MBCONV if depthwise else BlockKind.FUSED_MBCONV
