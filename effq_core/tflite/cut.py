"""Single operators of a file, as files of their own."""

from __future__ import annotations

import numpy as np

from effq_core.tflite.file import unpack
from effq_core.tflite.rewriting import pack


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
    kept = {tensor.buffer for tensor in graph.tensors}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    return pack(model)
