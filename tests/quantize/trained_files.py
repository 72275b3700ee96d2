"""The small net as an integer file whose matrix products have few bits."""

from __future__ import annotations

from typing import Any

from quantized_models import SILENT, Quantized

from effq_core.quantize.file_network import file_network
from effq_core.quantize.file_values import product_floats
from effq_core.quantize.low_bits import round_kernels
from effq_core.tflite.matrices import fitting_bits, matrix_products, with_kernels, with_matrices


def few_bits(model: Quantized, bits: int) -> bytes:
    """Rounds to nearest what int8's file has in matrix products."""
    int8, float32 = (model.file(form).read_bytes() for form in ("int8", "float32"))
    matrices = with_matrices(int8)
    widths = {op.output.name: fitting_bits(op, bits) for op in matrix_products(matrices)}
    return with_kernels(matrices, round_kernels(matrices, float32, "nearest", widths, None, SILENT))


def network_of(model: Quantized, content: bytes, *, first: int = 0) -> Any:
    floats = product_floats(content, model.file("float32").read_bytes())
    return file_network(content, floats, first=first)
