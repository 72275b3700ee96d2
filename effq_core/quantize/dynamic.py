"""Integer weights for float activations, which need no photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effq_core.base.reporting import Reporter
from effq_core.quantize.low_bits import float_kernels
from effq_core.quantize.rounding.squant.solve import squant_integers
from effq_core.quantize.scales import largest_scales, least_error_scales, rounded
from effq_core.tflite.hybrid import GROUP, LEAST_SCALE, HybridKernel, hybrid_layers, takes_few_bits

MOST_ERROR = 0.1
"""Error of 4-bit weights, relative to their size, above which a layer gets 8 bits.

Lite0, 500 ImageNet photos, float32 86.4 %: without a limit 72.0 % at 3,291 KiB, at 0.12 76.4 %
(3,342), at 0.11 78.6 % (3,440), at 0.1 83.6 % (3,478); with 8 bits throughout 86.0 % (5,305).
"""
_FEW = 4
_Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a layer's weights become.

    Attributes:
        kernel: The integers.
        error: What 4-bit weights would err, relative to their size; ``None`` where they cannot be.
    """

    kernel: HybridKernel
    error: float | None


def relative_error(weights: _Weights, kernel: HybridKernel) -> float:
    """Returns the size of what rounding adds to weights, relative to theirs."""
    whole = float(np.linalg.norm(weights))
    return float(np.linalg.norm(weights - kernel.weights)) / whole if whole else 0.0


def dynamic_kernels(float32: bytes, bits: int, reporter: Reporter) -> dict[str, Choice]:
    """Chooses the weights of every layer that XNNPACK runs with float activations.

    Matrix products have as few bits as asked, in groups where their inputs divide by 32, unless
    that errs by more than :data:`MOST_ERROR`. They have 8 bits then, as convolutions do.

    Args:
        float32: A file whose 1×1 convolutions are matrix products already, if they should be.
        bits: 8 or 4.

    Returns:
        The choices by the name of what a layer makes.

    Raises:
        Cancelled: If the user asked to stop.
    """
    floats, layers = float_kernels(float32), hybrid_layers(float32)
    found = {}
    for done, op in enumerate(layers):
        reporter.check_cancelled()
        reporter.progress(done, len(layers), "layers")
        weights, _ = floats[op.output.name]
        few = _few_bits(weights) if takes_few_bits(op) and bits == _FEW else None
        error = None if few is None else relative_error(weights, few)
        keeps = few is not None and error is not None and error <= MOST_ERROR
        kernel = few if few is not None and keeps else _eight_bits(weights)
        found[op.output.name] = Choice(kernel=kernel, error=error)
    return found


def _few_bits(weights: _Weights) -> HybridKernel:
    """Rounds by SQuant, with a scale for each group of inputs where they divide by its size."""
    outputs, inputs = weights.shape
    if inputs % GROUP:
        scales = least_error_scales(weights, _FEW)
        values = squant_integers(weights, scales[:, None], _FEW)
        return HybridKernel(values=values, scales=scales, bits=_FEW)
    scales = least_error_scales(weights.reshape(-1, GROUP), _FEW).reshape(outputs, -1)
    scales = np.maximum(scales, LEAST_SCALE).astype(np.float16).astype(np.float64)
    values = squant_integers(weights, np.repeat(scales, GROUP, axis=1), _FEW)
    return HybridKernel(values=values, scales=scales, bits=_FEW)


def _eight_bits(weights: _Weights) -> HybridKernel:
    """Rounds to nearest in −127…127, as TensorFlow Lite does."""
    scales = largest_scales(weights, 8)
    return HybridKernel(values=rounded(weights, scales, 8), scales=scales, bits=8)
