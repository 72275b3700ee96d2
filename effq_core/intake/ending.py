"""What a model's outputs are, by its last operator: only where that is certain. No TensorFlow."""

from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError
from effq_core.tflite.file import Tensor, read_tflite

ONE_OUTPUT_ENDS = "End the model with a sigmoid, or with a softmax over its classes."


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
    """Tells a score before a sigmoid from a probability by ``ending``, else by ``found``."""
    if ending is Ending.PROBABILITIES:
        raise ModelError("The file's one output is a softmax of itself, always 1.", ONE_OUTPUT_ENDS)
    outside = bool(found.min() < 0 or found.max() > 1)
    return outside if ending is None else ending is Ending.SCORES


def ending_of_file(path: Path) -> Ending | None:
    """Reads what the outputs of a ``.tflite`` file are; ``None`` where its end does not say."""
    graph = read_tflite(path).main
    makers = dict(graph.makers)
    wanted: Tensor | None = graph.outputs[0]
    while wanted and (op := makers.pop(wanted, None)) is not None:
        if not op.kind.keeps_values:
            return None if op.has_activation else _BY_KIND.get(op.kind.name)
        wanted = op.inputs[0]
    return None
