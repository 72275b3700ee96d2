"""How many fake-quant operators an architecture needs."""

from __future__ import annotations

from effq_core.runtimes.file_report import FileReport
from effq_core.tflite.operators import OutputScale, operator_kind


def expected_fake_quant(float32: FileReport) -> dict[str, int]:
    """Counts the fake-quant operators an architecture needs, from its float32 file.

    Returns:
        ``per_channel``: one a convolution kernel. ``per_tensor``: one an operator's output unless
        its scale is fixed or its input's, one for the input, and one a fully connected kernel.
    """
    ops = [(operator_kind(name), count) for name, count in float32.ops.items()]
    return {
        "per_channel": sum(n for kind, n in ops if kind.has_channel_scales),
        "per_tensor": 1
        + sum(n for kind, n in ops if kind.output_scale is OutputScale.RANGE)
        + sum(n for kind, n in ops if kind.has_kernel and not kind.has_channel_scales),
    }
