"""The gate that a file answers as the Keras model it was converted from."""

from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.store.manifest import KERAS_FILE

NAME = "keras_vs_tflite"
FLOAT_PARITY = 0.995  # least top-1 agreement of the Keras float model with the float32 file
QAT_PARITY = 0.98  # least top-1 agreement of a fake-quant model with its integer file
Outputs = npt.NDArray[np.floating[Any]]


def parity_gate(keras: Outputs, tflite: Outputs, minimum: float) -> Gate:
    """Checks that two forms of a model, given as outputs (n, classes), mostly agree in top-1."""
    if keras.shape != tflite.shape or keras.ndim != 2 or not len(keras):
        raise StageError(
            f"The gate {NAME!r} cannot compare outputs of shapes {keras.shape} and {tflite.shape}."
        )
    n = len(keras)
    same = int((keras.argmax(axis=1) == tflite.argmax(axis=1)).sum())
    largest = float(np.abs(keras.astype(np.float64) - tflite.astype(np.float64)).max())
    facts = {"same": same, "n": n, "minimum": minimum, "largest": largest}
    # One photo between two classes is no fault; 0.995 × 200 is 199.00000000000003 or so.
    passed = n - same <= max(1, (1 - minimum) * n + 1e-9)
    return judged(NAME, passed=passed, value=same / n, limit=minimum, n=n, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    inputs, variant = evidence.context.inputs, evidence.variant
    if f"keras:{variant.name}" not in inputs:
        return None
    answers = evidence.answers(variant.name)
    keras = answers.counted(np.load(inputs[f"keras:{variant.name}"] / KERAS_FILE))
    minimum = QAT_PARITY if variant.is_integer else FLOAT_PARITY
    return parity_gate(keras, answers.probabilities[: len(keras)], minimum)


def _sentence(same: int, n: int, minimum: float, largest: float) -> str:
    return (
        f"{same:,} of {n:,} photos get the same top-1 class; at least {100 * minimum:g} %, "
        "or all but one, must. "
        f"Largest output difference: {largest:.3g}."
    )


GATES.register(
    Rule(
        name=NAME,
        title="The file answers as the Keras model does",
        purpose="The model before conversion is set against the file. A fault of the conversion "
        "would otherwise be mistaken for a quantization loss.",
        sentence=_sentence,
        of_file=_check,
    )
)
