"""1×1 convolutions as matrix products, and their weights in few bits.

A 1×1 convolution of stride 1 is a matrix product at every position. XNNPACK runs integers of 4 and
2 bits in FULLY_CONNECTED only; a CONV_2D of 4 bits leaves it, and LiteRT unpacks it at every call.
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
from effq_core.tflite.operators import BY_CODE
from effq_core.tflite.packing import packed
from effq_core.tflite.rewriting import opcode, pack

TYPES = {8: schema.TensorType.INT8, 4: schema.TensorType.INT4, 2: schema.TensorType.INT2}
_LANES = {4: 2, 2: 4}
"""XNNPACK wants the number of inputs to divide by this."""
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, kw_only=True)
class IntegerKernel:
    """Weights of a matrix product in few bits.

    Attributes:
        values: int8 ``(outputs, inputs)``.
        scales: What an integer's step is worth, float64 ``(outputs,)``.
        bits: Of a value as it is stored: 8, 4 or 2.
        bias: What is added, float64 ``(outputs,)``.
    """

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float64]
    bits: int
    bias: npt.NDArray[np.float64]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """The numbers its integers stand for."""
        return self.values * self.scales[:, None]


def with_matrices(file: bytes) -> bytes:
    """Rewrites every 1×1 convolution of stride 1 as FULLY_CONNECTED; what it computes stays.

    Args:
        file: A ``.tflite`` file.

    Returns:
        The file, byte for byte the same where it has no such convolution.
    """
    model = unpack(file)
    graph = model.subgraphs[0]
    found = [op for op in graph.operators if _is_pointwise(model, graph, op)]
    if not found:
        return file
    code = opcode(model, schema.BuiltinOperator.FULLY_CONNECTED, version=9)
    for op in found:
        options = schema.FullyConnectedOptionsT()
        options.keepNumDims = True
        options.fusedActivationFunction = op.builtinOptions.fusedActivationFunction
        op.builtinOptions, op.opcodeIndex = options, code
        op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        kernel = graph.tensors[op.inputs[1]]
        outputs, _, _, inputs = kernel.shape
        kernel.shape, kernel.shapeSignature = np.array([outputs, inputs], np.int32), None
        if kernel.quantization is not None:
            kernel.quantization.quantizedDimension = 0
    return pack(model)


def _is_pointwise(model: Any, graph: Any, op: Any) -> bool:
    if BY_CODE[model.operatorCodes[op.opcodeIndex].builtinCode].name != "CONV_2D":
        return False
    options = op.builtinOptions
    _, height, width, inputs = graph.tensors[op.inputs[1]].shape
    steps = options.strideH, options.strideW
    # A kernel over a part of the channels makes it a grouped convolution.
    whole = graph.tensors[op.inputs[0]].shape[-1] == inputs
    return (height, width) == (1, 1) and steps == (1, 1) and whole


def matrix_products(file: bytes) -> tuple[Operator, ...]:
    """Returns the operators whose weights can have few bits, in the order they run.

    Weights that several operators share are not among them: each reads them at a scale of its own.
    """
    operators = read_tflite(file).main.operators
    readers = Counter(each for op in operators for each in op.inputs)
    return tuple(
        op
        for op in operators
        if op.kind.name == "FULLY_CONNECTED" and op.kernel is not None and readers[op.kernel] == 1
    )


def fitting_bits(op: Operator, bits: int) -> int:
    """Returns the fewest bits, no fewer than asked, whose kernels take a product's inputs."""
    inputs = op.kernel.shape[-1] if op.kernel else 0
    return next((b for b in (2, 4) if b >= bits and inputs % _LANES[b] == 0), 8)


def few_bits_problem(file: bytes) -> str:
    """Says why no layer of a model can have weights of fewer than eight bits; empty where one can.

    Args:
        file: Its float32 file or its int8 file.
    """
    if any(fitting_bits(op, min(_LANES)) < 8 for op in matrix_products(with_matrices(file))):
        return ""
    return "the model has no 1×1 convolution or Dense layer with an even number of inputs"


def with_kernels(file: bytes, kernels: Mapping[str, IntegerKernel]) -> bytes:
    """Gives matrix products of an integer file other weights.

    Args:
        file: A ``.tflite`` file whose activations are int8.
        kernels: The new weights by the name of what the product makes.

    Raises:
        StageError: If no product makes one of the names, or it is shared or of another shape.
    """
    model = unpack(file)
    graph = model.subgraphs[0]
    products = {op.output.name: op for op in matrix_products(file)}
    readers = Counter(int(index) for op in graph.operators for index in op.inputs if index >= 0)
    if unknown := sorted(kernels.keys() - products.keys()):
        raise StageError(f"The model has no matrix product {unknown[0]!r}.", _HINT)
    for name, new in kernels.items():
        op = graph.operators[products[name].index]
        kernel, entering = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[0]]
        if tuple(kernel.shape) != new.values.shape:
            raise StageError(f"The weights of {name!r} have another shape.", _HINT)
        kernel.type = TYPES[new.bits]
        kernel.buffer = new_buffer(model, packed(new.values, new.bits))
        set_scales(kernel, new.scales)
        steps = float(entering.quantization.scale[0]) * new.scales
        bias = np.clip(np.round(new.bias / steps), _INT32.min + 1, _INT32.max).astype(np.int32)
        place = int(op.inputs[2]) if len(op.inputs) > 2 else -1
        if readers[place] != 1:  # there is none, or it is another layer's as well
            place = _new_bias(graph, kernel.name + b"/bias", len(bias))
            op.inputs = np.array([*op.inputs[:2], place], np.int32)
        graph.tensors[place].buffer = new_buffer(model, bias.view(np.uint8))
        set_scales(graph.tensors[place], steps)
    drop_unused_buffers(model)
    return pack(model)


def with_integers(file: bytes, constants: Mapping[int, npt.NDArray[Any]]) -> bytes:
    """Gives kernels and biases other integers; types, shapes and scales stay.

    Args:
        file: A ``.tflite`` file.
        constants: int8 within a tensor's bits, or int32, by its number in the main graph.

    Raises:
        StageError: If integers have another shape than their tensor.
    """
    model = unpack(file)
    bits = {number: width for width, number in TYPES.items()}
    for index, values in constants.items():
        tensor = model.subgraphs[0].tensors[index]
        if tuple(tensor.shape) != values.shape:
            raise StageError(f"The integers of {tensor.name.decode()!r} have another shape.", _HINT)
        narrow = tensor.type in bits
        data = packed(values, bits[tensor.type]) if narrow else values.view(np.uint8).reshape(-1)
        tensor.buffer = new_buffer(model, data)
    drop_unused_buffers(model)
    return pack(model)


_HINT = "This is a bug: please report it with the model's architecture."


def set_scales(tensor: Any, scales: npt.NDArray[np.float64]) -> None:
    """Makes a tensor of the schema symmetric integers, with a scale for each output."""
    grid = tensor.quantization = schema.QuantizationParametersT()
    grid.scale = scales.astype(np.float32)
    grid.zeroPoint = np.zeros(len(scales), np.int64)
    grid.quantizedDimension = 0


def _new_bias(graph: Any, name: bytes, length: int) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.type = name, schema.TensorType.INT32
    tensor.shape, tensor.hasRank = np.array([length], np.int32), True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def new_buffer(model: Any, data: npt.NDArray[np.uint8]) -> int:
    """Adds a buffer to a model of the schema; returns its number."""
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def drop_unused_buffers(model: Any) -> None:
    """Empties the buffers nothing reads any more: they would stay in the file."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {each.buffer for each in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None
