"""Cutting parts out of a file: what runs before a block, or a single operator."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.experiment.low_bits import LATE, WHOLE
from effq_core.tflite.file import Graph, Tensor, read_tflite, unpack
from effq_core.tflite.matrices import drop_unused_buffers
from effq_core.tflite.network import Block, read_network
from effq_core.tflite.rewriting import pack

LATE_SHARE = 0.75
"""Share of the matrix products' weights that the late blocks hold at least."""


def first_operator(file: bytes, block: str) -> int:
    """Finds where the part of a file begins that starts with a block.

    Where several tensors enter the block, the part begins earlier: where one does.

    Args:
        block: Name of a block, :data:`WHOLE`, or :data:`LATE`: as late as leaves
            :data:`LATE_SHARE` of the weights of matrix products.

    Returns:
        The number of an operator.

    Raises:
        ModelError: If the file has no such block.
    """
    if block == WHOLE:
        return 0
    blocks = read_network(file).by_name
    block = _late(blocks) if block == LATE else block
    if block not in blocks:
        raise ModelError(
            f"The model has no block {block!r} to train from.", f"Blocks: {', '.join(blocks)}."
        )
    graph, first = read_tflite(file).main, min(op.index for op in blocks[block].ops)
    while len(_entering(graph, first)) > 1:
        first -= 1
    return first


def parts(file: bytes, known: Collection[str]) -> list[tuple[int, int]]:
    """Returns the blocks as numbers of operators ``(first, end)``, but for what follows the last.

    Args:
        file: A ``.tflite`` file.
        known: Names of the tensors that may pass from one part to the next, one at a time; blocks
            between which others do are one part.
    """
    graph = read_tflite(file).main
    cuts = [0]
    for block in read_network(file).blocks:
        first = min(op.index for op in block.ops)
        passing = _entering(graph, first)
        if first > 0 and len(passing) == 1 and passing[0].name in known:
            cuts.append(first)
    return list(itertools.pairwise(sorted(cuts)))


def _late(blocks: Mapping[str, Block]) -> str:
    weights = {
        name: sum(op.weights for op in block.ops if op.kind == "FULLY_CONNECTED")
        for name, block in blocks.items()
    }
    left, wanted = sum(weights.values()), LATE_SHARE * sum(weights.values())
    found = next(iter(blocks))
    for name in blocks:
        if left < wanted:
            break
        found, left = name, left - weights[name]
    return found


def entering(graph: Graph, first: int) -> Tensor:
    """Returns the one activation that operators from ``first`` on read of what is before them."""
    found = _entering(graph, first)
    if len(found) != 1:
        raise ModelError(
            f"{len(found)} tensors enter the part from operator {first} on.", "Train all of it."
        )
    return found[0]


def _entering(graph: Graph, first: int) -> list[Tensor]:
    made = {*graph.inputs, *(each for op in graph.operators[:first] for each in op.outputs)}
    reads = (each for op in graph.operators[first:] for each in op.inputs if each in made)
    return list(dict.fromkeys(each for each in reads if each is not None))


def part_before(file: bytes, first: int) -> bytes:
    """Returns a file of the operators before ``first``; its output is what enters the others."""
    model = unpack(file)
    graph, output = model.subgraphs[0], entering(read_tflite(file).main, first)
    graph.operators = graph.operators[:first]
    graph.outputs = np.array([output.index], np.int32)
    model.signatureDefs = None
    return pack(model)


def one_operator(file: bytes, index: int) -> bytes:
    """Returns a file with one operator of the main graph; what it reads comes from outside.

    Args:
        file: A ``.tflite`` file.
        index: Place of the operator in the main graph; only its first input is an activation.
    """
    model = unpack(file)
    graph = model.subgraphs[0]
    op = graph.operators[index]
    used = list(dict.fromkeys(int(i) for i in (*op.inputs, *op.outputs) if i >= 0))
    place = {old: new for new, old in enumerate(used)}
    op.inputs = np.array([place.get(int(i), -1) for i in op.inputs], np.int32)
    op.outputs = np.array([place[int(i)] for i in op.outputs], np.int32)
    graph.tensors = [graph.tensors[i] for i in used]
    graph.operators = [op]
    graph.inputs, graph.outputs = op.inputs[:1], op.outputs[:1]
    model.subgraphs, model.signatureDefs = [graph], None
    drop_unused_buffers(model)
    return pack(model)
