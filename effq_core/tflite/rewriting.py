"""The one rewriter of ``.tflite`` files. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from effq_core.base.errors import StageError
from effq_core.tflite.file import unpack
from effq_core.tflite.operators import BY_CODE


def pack(model: Any) -> bytes:
    """Returns the file that objects of the schema stand for: :func:`unpack` backwards."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def with_ranges(float32: bytes, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """Writes ranges by tensor name into a float32 file; ``StageError`` where one is missing."""
    model = unpack(float32)
    graph = model.subgraphs[0]
    produced = {*graph.inputs, *(index for op in graph.operators for index in op.outputs)}
    for index in produced:
        tensor = graph.tensors[index]
        if tensor.type != schema.TensorType.FLOAT32:
            continue
        name = tensor.name.decode()
        if name not in ranges:
            raise StageError(
                f"The activation {name!r} has no calibrated range.",
                "This is a bug: please report it with the model's architecture.",
            )
        low, high = ranges[name]
        tensor.quantization = tensor.quantization or schema.QuantizationParametersT()
        tensor.quantization.min = np.array([low], np.float32)
        tensor.quantization.max = np.array([high], np.float32)
    return pack(model)


def halve_kernels(file: bytes) -> bytes:
    """Stores float32 kernels as float16, unpacked once; StageError if a weight is too large."""
    model = unpack(file)
    graph = model.subgraphs[0]
    halved: dict[int, Any] = {}
    for op in graph.operators:
        if BY_CODE[model.operatorCodes[op.opcodeIndex].builtinCode].has_kernel:
            index = int(op.inputs[1])
            if graph.tensors[index].type == schema.TensorType.FLOAT32 and index not in halved:
                halved[index] = _dequantize(model, graph, index)
    if not halved:
        return file
    graph.operators = [*halved.values(), *graph.operators]
    return pack(model)


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
    op.opcodeIndex = opcode(model, schema.BuiltinOperator.DEQUANTIZE, version=3)  # float16's
    op.inputs = np.array([len(graph.tensors) - 1], np.int32)
    op.outputs = np.array([index], np.int32)
    op.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    op.builtinOptions = schema.DequantizeOptionsT()
    return op


def opcode(model: Any, wanted: int, *, version: int) -> int:
    """Returns the number of an operator in a model's list of codes; adds it where it is missing.

    Args:
        version: The least the operator must have.
    """
    for number, code in enumerate(model.operatorCodes):
        if code.builtinCode == wanted:
            code.version = max(code.version, version)
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = wanted
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
