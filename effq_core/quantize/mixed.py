"""Int8 files with some operators kept in floats (imports TensorFlow)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from effq_core.base.errors import StageError
from effq_core.experiment.mixed import Precision
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_with_ranges

_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_CODES = {getattr(schema.BuiltinOperator, name) for name in _KERNELS}
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

    Args:
        float32: The float32 ``.tflite`` file.
        ranges: Smallest and largest value by tensor name.
        floats: Names of the tensors whose operators stay in floats.
        precision: What the kernels of those are stored in.
        float_output: Whether the output is float32: with the last operator in floats as well, to
            measure what is lost before the output's own 256 steps.

    Returns:
        The ``.tflite`` file; its input is int8, and so is its output unless asked otherwise.

    Raises:
        StageError: If a name is no operator's output, or the quantizer refuses the model.
    """
    graph = flatbuffer_utils.convert_bytearray_to_object(float32).subgraphs[0]
    produced = {graph.tensors[i].name.decode() for op in graph.operators for i in op.outputs}
    if unknown := sorted(set(floats) - produced):
        raise StageError(f"The model makes no tensor {unknown[0]!r}.", _HINT)
    file = quantize_with_ranges(float32, ranges, floats, float_output=float_output)
    return halve_kernels(file) if precision is Precision.FLOAT16 else file


def halve_kernels(file: bytes) -> bytes:
    """Stores float32 kernels as float16, each behind a DEQUANTIZE, as float16 files do.

    XNNPACK knows the pattern and unpacks the kernel once, when it takes the operator over.

    Args:
        file: A ``.tflite`` file, such as a mixed one with kernels in float32.

    Returns:
        The smaller file; the same bytes, if no kernel is float32.

    Raises:
        StageError: If float16 cannot hold a weight.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(file)
    graph = model.subgraphs[0]
    halved: dict[int, Any] = {}
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].builtinCode in _CODES:
            index = int(op.inputs[1])
            if graph.tensors[index].type == schema.TensorType.FLOAT32 and index not in halved:
                halved[index] = _dequantize(model, graph, index)
    if not halved:
        return file
    graph.operators = [*halved.values(), *graph.operators]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _dequantize(model: Any, graph: Any, index: int) -> Any:
    """Moves a constant into a new float16 tensor; returns the operator that gives it back."""
    tensor = graph.tensors[index]
    values = np.frombuffer(bytes(bytearray(model.buffers[tensor.buffer].data)), np.float32)
    limit = float(np.finfo(np.float16).max)
    if np.abs(values).max(initial=0.0) > limit:
        raise StageError(
            f"The kernel {tensor.name.decode()!r} has weights beyond {limit:g}, which float16"
            " cannot hold.",
            "Keep the block in float32.",
        )
    stored = schema.BufferT()
    stored.data = np.frombuffer(values.astype(np.float16).tobytes(), np.uint8)
    model.buffers.append(stored)
    half = schema.TensorT()
    half.name = tensor.name + b"/float16"
    half.shape, half.hasRank = tensor.shape, True
    half.type = schema.TensorType.FLOAT16
    half.buffer = len(model.buffers) - 1
    graph.tensors.append(half)
    if sum(each.buffer == tensor.buffer for each in graph.tensors) == 1:
        model.buffers[tensor.buffer].data = None  # nobody else's: or it would stay in the file
    tensor.buffer = 0  # by the format, buffer 0 is empty: the tensor is made at run time
    op = schema.OperatorT()
    op.opcodeIndex = _opcode(model)
    op.inputs = np.array([len(graph.tensors) - 1], np.int32)
    op.outputs = np.array([index], np.int32)
    op.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    op.builtinOptions = schema.DequantizeOptionsT()
    return op


def _opcode(model: Any) -> int:
    wanted = schema.BuiltinOperator.DEQUANTIZE
    for number, code in enumerate(model.operatorCodes):
        if code.builtinCode == wanted:
            code.version = max(code.version, 3)  # float16 came with version 3
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = wanted
    code.version = 3
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
