"""Files whose weights are integers and whose activations are floats: LiteRT calls them hybrid.

LiteRT quantizes what enters such a layer at run time, image by image. XNNPACK runs hybrid
CONV_2D and FULLY_CONNECTED; a hybrid DEPTHWISE_CONV_2D leaves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from effq_core.base.errors import StageError
from effq_core.tflite.file import Operator, read_tflite, unpack
from effq_core.tflite.matrices import (
    TYPES,
    drop_unused_buffers,
    fitting_bits,
    new_buffer,
    set_scales,
)
from effq_core.tflite.packing import BITS, packed
from effq_core.tflite.rewriting import pack

GROUP = 32
"""Inputs that share a scale: XNNPACK takes 32 or 64, and leaves 16 to slow kernels."""
LEAST_SCALE = float(np.float16(6.2e-5))
"""Least scale of a group: XNNPACK refuses float16 scales below 2⁻¹⁴, the subnormal ones."""
_VERSIONS = {"FULLY_CONNECTED": 12, "CONV_2D": 5}
_HYBRID = tuple(_VERSIONS)


@dataclass(frozen=True, kw_only=True)
class HybridKernel:
    """Weights of a layer as integers.

    Attributes:
        values: int8 ``(outputs, inputs)``.
        scales: What a step is worth, ``(outputs,)``, or ``(outputs, groups)`` of :data:`GROUP`.
        bits: Of a value as it is stored: 8 or 4.
    """

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float64]
    bits: int

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """The numbers its integers stand for."""
        each = self.scales.reshape(len(self.values), -1)
        steps = np.repeat(each, self.values.shape[1] // each.shape[1], axis=1)
        return self.values.astype(np.float64) * steps


def hybrid_layers(file: bytes) -> tuple[Operator, ...]:
    """Returns the operators of a float32 file whose weights can be integers, in their order."""
    operators = read_tflite(file).main.operators
    readers = Counter(each for op in operators for each in op.inputs)
    return tuple(
        op
        for op in operators
        if op.kind.name in _HYBRID
        and op.kernel is not None
        and op.kernel.dtype == "FLOAT32"
        and readers[op.kernel] == 1
        and not _is_grouped(op)  # XNNPACK has no such convolution of this kind
    )


def _is_grouped(op: Operator) -> bool:
    if op.kind.name != "CONV_2D" or op.kernel is None or op.inputs[0] is None:
        return False
    return op.kernel.shape[-1] != op.inputs[0].shape[-1]


def takes_few_bits(op: Operator) -> bool:
    """Returns whether XNNPACK takes a layer's weights in 4 bits beside float activations."""
    return op.kind.name == "FULLY_CONNECTED" and fitting_bits(op, 4) == 4


def with_hybrid_kernels(file: bytes, kernels: Mapping[str, HybridKernel]) -> bytes:
    """Gives layers of a float32 file integer weights.

    Args:
        file: A ``.tflite`` file whose activations are floats.
        kernels: The new weights by the name of what the layer makes.

    Raises:
        StageError: If no layer makes one of the names.
    """
    model = unpack(file)
    graph = model.subgraphs[0]
    layers = {op.output.name: op for op in hybrid_layers(file)}
    if unknown := sorted(kernels.keys() - layers.keys()):
        raise StageError(
            f"The model has no layer {unknown[0]!r} with weights of its own.",
            "This is a bug: please report it with the model's architecture.",
        )
    for name, new in kernels.items():
        op = graph.operators[layers[name].index]
        kernel = graph.tensors[op.inputs[1]]
        kernel.type = TYPES[new.bits]
        kernel.buffer = new_buffer(model, packed(new.values, new.bits))
        if new.scales.ndim == 1:
            set_scales(kernel, new.scales)
        else:
            _set_group_scales(model, graph, kernel, new.scales)
        code = model.operatorCodes[op.opcodeIndex]
        code.version = max(code.version, _VERSIONS[layers[name].kind.name])
        if layers[name].kind.name == "FULLY_CONNECTED":
            op.builtinOptions.asymmetricQuantizeInputs = True
    drop_unused_buffers(model)
    return pack(model)


def with_float_kernels(file: bytes) -> bytes:
    """Gives hybrid layers of fewer than 8 bits the floats that their integers stand for.

    LiteRT's own kernels, without XNNPACK, compute garbage with 4 bits and float activations, in
    groups also its reference kernels. The same weights in floats are what XNNPACK is held to.

    Returns:
        The file, byte for byte the same where it has no such layer.
    """
    found = [
        op.kernel
        for op in read_tflite(file).main.operators
        if is_hybrid(op) and op.kernel is not None and BITS.get(op.kernel.dtype, 8) < 8
    ]
    if not found:
        return file
    model = unpack(file)
    tensors = model.subgraphs[0].tensors
    for kernel in found:
        stored = tensors[kernel.index]
        stored.type, stored.quantization = schema.TensorType.FLOAT32, None
        stored.buffer = new_buffer(model, kernel.weights.reshape(-1).view(np.uint8))
    drop_unused_buffers(model)
    return pack(model)


def is_hybrid(op: Operator) -> bool:
    """Returns whether an operator has integer weights and float activations."""
    entering = op.inputs[0] if op.inputs else None
    integers = op.kernel is not None and op.kernel.dtype in BITS
    return integers and entering is not None and entering.dtype == "FLOAT32"


def _set_group_scales(model: Any, graph: Any, kernel: Any, scales: npt.NDArray[Any]) -> None:
    stored = schema.TensorT()
    stored.name, stored.type = kernel.name + b"/scales", schema.TensorType.FLOAT16
    stored.shape, stored.hasRank = np.array(scales.shape, np.int32), True
    stored.buffer = new_buffer(model, scales.astype(np.float16).view(np.uint8).reshape(-1))
    graph.tensors.append(stored)
    groups = schema.BlockwiseQuantizationT()
    groups.scales, groups.zeroPoints, groups.blockSize = len(graph.tensors) - 1, -1, GROUP
    grid = kernel.quantization = schema.QuantizationParametersT()
    grid.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    grid.details = groups
