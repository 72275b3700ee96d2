"""What a model's outputs are, by its last operator: only where that is certain. No TensorFlow."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from effq_core.base.errors import ModelError

_KINDS = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
ONE_OUTPUT_ENDS = "End the model with a sigmoid, or with a softmax over its classes."
"""What to do about one output that is no yes or no."""
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


def is_logit(found: npt.NDArray[np.float32], ending: Ending | None) -> bool:
    """Tells whether one output alone is a score before a sigmoid.

    Args:
        found: What it is for photos.
        ending: What the last operator says of it; where it says nothing, ``found`` decides.

    Returns:
        Whether it is; else it is a probability.

    Raises:
        ModelError: If it is a softmax of itself.
    """
    if ending is Ending.PROBABILITIES:
        raise ModelError("The file's one output is a softmax of itself, always 1.", ONE_OUTPUT_ENDS)
    if ending is None:
        return bool(found.min() < 0 or found.max() > 1)
    return ending is Ending.SCORES


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
