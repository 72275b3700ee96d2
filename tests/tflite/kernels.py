"""Weights of a matrix product in few bits, rounded to nearest."""

from __future__ import annotations

import numpy as np

from effq_core.tflite.file import Operator
from effq_core.tflite.matrices import IntegerKernel


def rounded_kernel(op: Operator, bits: int) -> IntegerKernel:
    assert op.kernel is not None
    wider = 2 ** (8 - bits)
    values = np.clip(np.round(op.kernel.values / wider), -(128 // wider), 127 // wider)
    outputs = op.kernel.shape[0]
    return IntegerKernel(
        values=values.astype(np.int8),
        scales=np.broadcast_to(op.kernel.scales.astype(np.float64) * wider, (outputs,)),
        bits=bits,
        bias=np.zeros(outputs),
    )
