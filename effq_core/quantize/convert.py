"""From a frozen graph to ``.tflite`` files; int8 of ranges written into float32 (TensorFlow)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from effq_core.base.errors import StageError
from effq_core.base.registry import resolve
from effq_core.base.tensorflow import tf
from effq_core.experiment.mixed import Precision
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.freeze import SIGNATURE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.rewriting import halve_kernels, with_ranges

from tensorflow.lite.python.convert import mlir_quantize

_MIXED_HINT = "This is a bug: please report it with the model's architecture and the blocks kept."
_HINT = "This is a bug or an unsupported model: please report it with the model's architecture."


def _configure_float16(converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _configure_qat(converter: Any) -> None:
    # No representative dataset: it would calibrate again and hide a missing fake-quant.
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


_CONFIGURE: dict[str, Callable[[Any], None]] = {
    "float32": lambda converter: None,
    "float16": _configure_float16,
    "qat": _configure_qat,
}


def convert(saved_model: Path, form: str) -> bytes:
    """Converts a SavedModel of :func:`effq_core.quantize.freeze.freeze` to a ``.tflite`` file.

    ``form``: A key of the table above, ``qat`` for a graph with fake-quant operators; or, as
    ``module:function``, what sets the converter up. Raises ``StageError`` if the converter refuses.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[SIGNATURE]
    )
    if ":" not in form and form not in _CONFIGURE:
        known = ", ".join(_CONFIGURE)
        raise StageError(f"There is no form {form!r} to convert to.", f"Choose from: {known}.")
    configure = resolve(form) if ":" in form else _CONFIGURE[form]
    configure(converter)
    try:
        return bytes(converter.convert())
    except Exception as error:
        last = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise StageError(f"TensorFlow could not convert to {form}: {last}.", _HINT) from error


def quantize_with_ranges(
    float32: bytes,
    ranges: Ranges,
    floats: Collection[str] = frozenset(),
    *,
    float_output: bool = False,
) -> bytes:
    """Makes an int8 file from a float32 one and the ranges of its tensors, by name.

    Weights become symmetric int8 with one scale an output channel, activations asymmetric int8; the
    input takes RGB - 128, the output is probability x 256 - 128. Operators that make ``floats``
    stay in floats, with DEQUANTIZE and QUANTIZE around each region of them. Raises ``StageError``
    if an activation has no range or the quantizer refuses the model.
    """
    ranged = with_ranges(float32, ranges)
    try:
        return bytes(
            mlir_quantize(
                ranged,
                input_data_type=tf.int8,
                output_data_type=tf.float32 if float_output else tf.int8,
                denylisted_nodes=set(floats),
            )
        )
    except Exception as error:
        raise StageError(
            f"TensorFlow Lite could not quantize the model: {error}.", _HINT
        ) from error


def quantize_mixed(
    float32: bytes,
    ranges: Ranges,
    floats: Collection[str],
    precision: Precision,
    *,
    float_output: bool = False,
) -> bytes:
    """Makes an int8 file in which some operators compute in 32-bit floats.

    The input is int8, and so is the output, unless asked otherwise to measure what is lost before
    its 256 steps. Raises ``StageError`` if a name is no operator's output, or the quantizer
    refuses.
    """
    produced = {tensor.name for tensor in read_tflite(float32).main.makers}
    if unknown := sorted(set(floats) - produced):
        raise StageError(f"The model makes no tensor {unknown[0]!r}.", _MIXED_HINT)
    file = quantize_with_ranges(float32, ranges, floats, float_output=float_output)
    return halve_kernels(file) if precision is Precision.FLOAT16 else file
