"""What a model's outputs are, by its last operator: only where that is certain. No TensorFlow."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

_KINDS = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
_PASSING = frozenset(("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "CAST"))
"""Operators that leave the numbers as they are."""


class Ending(StrEnum):
    """What a model's outputs are."""

    PROBABILITIES = "probabilities"
    SCORES = "scores"
    INDEPENDENT = "independent"


_BY_KIND = {
    "SOFTMAX": Ending.PROBABILITIES,
    "LOGISTIC": Ending.INDEPENDENT,
    "FULLY_CONNECTED": Ending.SCORES,
    "CONV_2D": Ending.SCORES,
    "LOG_SOFTMAX": Ending.SCORES,
}
"""By the last operator that computes; a softmax of log-probabilities is their probabilities."""


def ending_of_file(path: Path) -> Ending | None:
    """Reads how a ``.tflite`` file ends.

    Args:
        path: A file LiteRT has loaded.

    Returns:
        What its outputs are; ``None`` where its last operator does not say.
    """
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    makers = {int(tensor): op for op in graph.operators for tensor in op.outputs}
    wanted = int(graph.outputs[0])
    while (op := makers.pop(wanted, None)) is not None:
        code = model.operatorCodes[op.opcodeIndex]
        kind = _KINDS.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
        if kind not in _PASSING:
            fused = getattr(op.builtinOptions, "fusedActivationFunction", 0)
            return None if fused else _BY_KIND.get(kind)
        wanted = int(op.inputs[0])
    return None
