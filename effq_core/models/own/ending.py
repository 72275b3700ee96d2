"""How a model ends, read from its graph: only what is certain (imports TensorFlow)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import tensorflow as tf

_PASSING = frozenset(
    ("Identity", "IdentityN", "Reshape", "Squeeze", "Cast", "StopGradient", "EnsureShape")
)
"""Operators that leave the numbers as they are."""


class Ending(StrEnum):
    """What a model's outputs are."""

    PROBABILITIES = "probabilities"
    SCORES = "scores"
    INDEPENDENT = "independent"


BY_OPERATOR = {
    "Softmax": Ending.PROBABILITIES,
    "Sigmoid": Ending.INDEPENDENT,
    "BiasAdd": Ending.SCORES,
    "MatMul": Ending.SCORES,
    "Conv2D": Ending.SCORES,
    "LogSoftmax": Ending.SCORES,
}
"""By the last operator that computes; a softmax of log-probabilities is their probabilities."""


def ending_of(call: Callable[[Any], Any], image_size: int) -> Ending | None:
    """Reads how a model ends; it is traced, and not run.

    Args:
        call: From float32 ``(1, side, side, 3)`` to ``(1, classes)``.
        image_size: Side in pixels.

    Returns:
        What its outputs are; ``None`` where its last operator does not say.
    """
    spec = tf.TensorSpec((1, image_size, image_size, 3), tf.float32)
    graph = tf.function(call, input_signature=[spec]).get_concrete_function().graph
    (end,) = graph.outputs
    while end.op.type in _PASSING:
        end = end.op.inputs[end.value_index if end.op.type == "IdentityN" else 0]
    return BY_OPERATOR.get(end.op.type)
