"""Asking a loaded model: are its answers scores (imports TensorFlow)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.base.tensorflow import tf
from effq_core.intake.ending import Ending
from effq_core.photos.image_input import ImageInput

_Array = np.ndarray[Any, Any]
_SUM = 0.02  # how far scores may be from adding up to 1 and still be probabilities
_PASSING = frozenset(
    ("Identity", "IdentityN", "Reshape", "Squeeze", "Cast", "StopGradient", "EnsureShape")
)
"""Operators that leave the numbers as they are."""
_ENDINGS = {
    "Softmax": Ending.PROBABILITIES,
    "Sigmoid": Ending.INDEPENDENT,
    "BiasAdd": Ending.SCORES,
    "MatMul": Ending.SCORES,
    "Conv2D": Ending.SCORES,
    "LogSoftmax": Ending.SCORES,
}
"""By the last operator that computes; a softmax of log-probabilities is their probabilities."""


def scores(call: Callable[[Any], Any], pixels: _Array) -> _Array:
    """Asks a model about uint8 pixels one by one: float32 ``(n, classes)``; or ModelError."""
    run = tf.function(lambda x: call(tf.cast(x, tf.float32)))
    try:
        answers = [np.asarray(run(tf.constant(image[None]))) for image in pixels]
    except (tf.errors.OpError, ValueError, TypeError) as error:
        first = (str(error).strip().splitlines() or [repr(error)])[-1][:200]
        raise ModelError(
            f"The model cannot answer a photo: {first}.", "Check its input."
        ) from error
    shape = answers[0].shape
    if len(shape) != 2 or shape[0] != 1:
        raise ModelError(
            f"The model answers an image with the shape {shape}.",
            "EffQ measures classifiers: one vector of class scores an image.",
        )
    found = np.concatenate(answers)
    if not np.isfinite(found).all():
        raise ModelError(
            "The model's scores are not finite numbers on ordinary photos.",
            "Check that the file holds trained weights, and the preprocessing.",
        )
    return found


def ending_of(call: Callable[[Any], Any], entry: ImageInput) -> Ending | None:
    """Reads from a model's graph how it ends, tracing it only; ``None``: it does not say."""
    spec = tf.TensorSpec((1, *entry.shape), tf.float32)
    (end,) = tf.function(call, input_signature=[spec]).get_concrete_function().graph.outputs
    while end.op.type in _PASSING:
        end = end.op.inputs[end.value_index if end.op.type == "IdentityN" else 0]
    return _ENDINGS.get(end.op.type)


def needs_softmax(found: _Array, ending: Ending | None = None) -> bool:
    """Tells scores before a softmax, ``(n, classes)``, from probabilities; may raise ModelError."""
    if ending in (Ending.PROBABILITIES, Ending.SCORES):
        return ending is Ending.SCORES
    if ending is None and np.abs(found.sum(axis=1) - 1).max() <= _SUM and found.min() >= -1e-4:
        return False
    if ending is Ending.INDEPENDENT or (found.min() >= 0 and found.max() <= 1):
        raise ModelError(
            "The model's scores lie between 0 and 1 but do not add up to 1: yes or no for each "
            "class by itself (a sigmoid).",
            "EffQ compares classes of which one is right. Train the model with a softmax at its "
            "end, and save that as a .keras file.",
        )
    return True


def with_softmax(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Puts a softmax behind a model."""
    return lambda x: tf.nn.softmax(call(x))
