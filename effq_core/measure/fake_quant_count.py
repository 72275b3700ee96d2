"""How many fake-quant operators an architecture needs."""

from __future__ import annotations

from collections import Counter

from effq_core.runtimes.file_report import FileReport

# Operators whose int8 output scale TensorFlow Lite's quantization specification fixes; all others
# need a range, and so a fake-quant operator.
_FIXED_SCALE = ("LOGISTIC", "SOFTMAX")
# Operators that hand values on: their output has the scale of their input.
_SAME_SCALE = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "RESHAPE")
_PER_CHANNEL = ("CONV_2D", "DEPTHWISE_CONV_2D")


def expected_fake_quant(float32: FileReport) -> dict[str, int]:
    """Counts the fake-quant operators an architecture needs, from its float32 file.

    Args:
        float32: What is in the float32 ``.tflite`` file.

    Returns:
        ``per_channel``: one a convolution kernel. ``per_tensor``: one an operator's output unless
        its scale is fixed or its input's, one for the input, and one a fully connected kernel.
    """
    ops = Counter(float32.ops)
    outputs = sum(ops.values()) - sum(ops[name] for name in (*_FIXED_SCALE, *_SAME_SCALE))
    return {
        "per_channel": sum(ops[name] for name in _PER_CHANNEL),
        "per_tensor": outputs + 1 + ops["FULLY_CONNECTED"],
    }
