"""int8 files with some operators kept in floats (imports TensorFlow)."""

from __future__ import annotations

from collections.abc import Collection

from effq_core.base.errors import StageError
from effq_core.experiment.mixed import Precision
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_with_ranges
from effq_core.tflite.file import read_tflite
from effq_core.tflite.rewriting import halve_kernels

_HINT = "This is a bug: please report it with the model's architecture and the blocks kept."


def quantize_mixed(
    float32: bytes,
    ranges: Ranges,
    floats: Collection[str],
    precision: Precision,
    *,
    float_output: bool = False,
) -> bytes:
    """Makes an int8 file in which some operators compute in 32-bit floats.

    ``float_output``: Whether the output is float32: with the last operator in floats as well, to
    measure what is lost before the output's own 256 steps. Returns the ``.tflite`` file; its input
    is int8, and so is its output unless asked otherwise. Raises ``StageError`` if a name is no
    operator's output, or the quantizer refuses the model.
    """
    produced = {tensor.name for tensor in read_tflite(float32).main.makers}
    if unknown := sorted(set(floats) - produced):
        raise StageError(f"The model makes no tensor {unknown[0]!r}.", _HINT)
    file = quantize_with_ranges(float32, ranges, floats, float_output=float_output)
    return halve_kernels(file) if precision is Precision.FLOAT16 else file
