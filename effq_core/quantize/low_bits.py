"""Integer files whose matrix products have weights of fewer than eight bits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.base.reporting import Reporter
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.quantize.moments import Moments
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import IntegerKernel, matrix_products

_Weights = npt.NDArray[np.float64]


def float_kernels(float32: bytes) -> dict[str, tuple[_Weights, _Weights]]:
    """Returns weights ``(outputs, inputs)`` and bias by the name of what an operator makes."""
    found: dict[str, tuple[_Weights, _Weights]] = {}
    for op in read_tflite(float32).main.operators:
        if op.kernel is not None and op.kernel.dtype == "FLOAT32":
            weights = op.kernel.values.astype(np.float64)
            bias = op.inputs[2] if len(op.inputs) > 2 else None
            found[op.output.name] = (
                weights.reshape(weights.shape[0], -1),
                np.zeros(weights.shape[0]) if bias is None else bias.values.astype(np.float64),
            )
    return found


def round_kernels(
    matrices: bytes,
    float32: bytes,
    rule: str,
    bits: Mapping[str, int],
    moments: Mapping[str, Moments] | None,
    reporter: Reporter,
) -> dict[str, IntegerKernel]:
    """Rounds weights of matrix products.

    Args:
        matrices: An integer file; its products are FULLY_CONNECTED.
        float32: The float32 file it was made from.
        rule: Name of a rounding rule.
        bits: Of each product by the name of what it makes; 8 leaves a product as it is.
        moments: What enters the products, where the rule uses photos.

    Returns:
        The weights by the name of what a product makes.

    Raises:
        ExperimentError: If there is no such rule.
        StageError: If a product's float weights are not in the float32 file.
        Cancelled: If the user asked to stop.
    """
    floats, found = float_kernels(float32), {}
    products = matrix_products(matrices)
    for done, op in enumerate(products):
        reporter.check_cancelled()
        reporter.progress(done, len(products), "layers")
        name = op.output.name
        if bits.get(name, 8) == 8:
            continue
        if name not in floats or op.kernel is None or floats[name][0].shape != op.kernel.shape:
            raise StageError(
                f"The float32 file has no weights for {name!r}.",
                "This is a bug: please report it with the model's architecture.",
            )
        entering = moments[name] if moments else None
        found[name] = rounded_kernel(*floats[name], rule, bits[name], entering)
    return found


def rounded_kernel(
    weights: _Weights, bias: _Weights, rule: str, bits: int, entering: Moments | None
) -> IntegerKernel:
    """Rounds the weights ``(outputs, inputs)`` of a layer; ``bias``: ``(outputs,)``."""
    integers, scales = ROUNDING[rule].rule(weights, entering, bits)
    return IntegerKernel(values=integers, scales=scales, bits=bits, bias=bias)
