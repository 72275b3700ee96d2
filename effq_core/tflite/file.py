"""The one reader of ``.tflite`` files, typed. LiteRT verifies a file more strictly."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from effq_core.base.errors import ModelError
from effq_core.tflite.operators import BY_CODE, OperatorKind
from effq_core.tflite.packing import BITS, unpacked

_TYPES = {number: name for name, number in vars(schema.TensorType).items() if type(number) is int}
_DAMAGE = (struct.error, ValueError, LookupError, AttributeError, TypeError)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A tensor of a graph."""

    index: int  # its number in the graph; LiteRT's interpreter counts alike
    name: str  # its name; empty where it has none
    shape: tuple[int, ...]  # its sides; 1 where a side may vary
    dtype: str  # such as ``FLOAT32`` or ``INT8``
    # Steps between neighbouring integers, float32: none for floats, one for all, one for each
    # output channel of a kernel, or one for each group of its inputs: ``(outputs, groups)``.
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]  # the integers that stand for zero, int64, likewise
    buffer: int  # number of the buffer its values are stored in; several tensors may share one
    # Those values as they are stored, uint8; empty for an activation.
    data: npt.NDArray[np.uint8] = field(repr=False)

    @property
    def grid(self) -> tuple[float, int] | None:
        """Its first scale and zero point, an activation's only ones; ``None`` for floats."""
        if self.scales.ndim > 1 or not len(self.scales):
            return None
        return float(self.scales[0]), int(self.zero_points[0])

    @property
    def values(self) -> npt.NDArray[Any]:
        """A constant's values, in its shape; of types that numpy has, 4 and 2 bits as int8."""
        if (bits := BITS.get(self.dtype, 8)) < 8:
            return unpacked(self.data, bits, self.shape)
        return self.data.view(np.dtype(self.dtype.lower())).reshape(self.shape)

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The numbers a kernel's values stand for, whose first axis is that of the outputs."""
        rows = self.values.reshape(self.shape[0], -1).astype(np.float32)
        if self.scales.size > 1:
            scales = self.scales.reshape(len(rows), -1)
            rows = rows * np.repeat(scales, rows.shape[1] // scales.shape[1], axis=1)
        elif self.scales.size:
            rows = rows * self.scales
        return rows.reshape(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """An operator of a graph."""

    index: int  # its place in the graph
    kind: OperatorKind  # what it is
    # What it reads; ``None`` where it could read something and does not.
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]  # what it makes
    kernel: Tensor | None  # its weights as they are stored; ``None`` where it has none
    has_activation: bool  # whether an activation function is fused into it
    options: Any = field(default=None, repr=False)  # the schema's object of its own settings

    @property
    def output(self) -> Tensor:
        """The first of what it makes."""
        return self.outputs[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A graph of a file."""

    tensors: tuple[Tensor, ...]  # all, constants included
    operators: tuple[Operator, ...]  # in the order they run
    inputs: tuple[Tensor, ...]  # what is fed in
    outputs: tuple[Tensor, ...]  # what comes out

    @cached_property
    def makers(self) -> dict[Tensor, Operator]:
        """The operator that makes each activation."""
        return {tensor: op for op in self.operators for tensor in op.outputs}


@dataclass(frozen=True, eq=False)
class TfliteFile:
    """What a file consists of."""

    graphs: tuple[Graph, ...]  # the first is the main one; control flow has more
    signatures: tuple[str, ...]  # names of its signatures

    @property
    def main(self) -> Graph:
        """The main graph."""
        return self.graphs[0]


def read_tflite(file: Path | bytes) -> TfliteFile:
    """Reads a ``.tflite`` file or its bytes; ``ModelError`` if missing, damaged or none."""
    name = "The model" if isinstance(file, bytes) else file.name
    try:
        model = unpack(file if isinstance(file, bytes) else file.read_bytes())
        graphs = tuple(_graph(model, graph) for graph in model.subgraphs)
        if not graphs:
            raise ValueError("no graph")
        return TfliteFile(graphs, tuple(_text(s.signatureKey) for s in model.signatureDefs or ()))
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {name}.", "Convert the variant first.") from error
    except _DAMAGE as error:
        raise ModelError(
            f"{name} cannot be read as a .tflite file.",
            "Run the experiment again, or convert the model again.",
        ) from error


def unpack(content: bytes) -> Any:
    """Returns bytes as the schema's objects, with views of stored values; errors are its own."""
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError("not marked as a .tflite file")
    return schema.ModelT.InitFromPackedBuf(content, 0)


def _graph(model: Any, graph: Any) -> Graph:
    tensors = tuple(_tensor(model, graph, index) for index in range(len(graph.tensors)))
    operators: list[Operator] = []
    unpacked: dict[Tensor, Tensor | None] = {}
    for index, op in enumerate(graph.operators):
        kind = _kind(model.operatorCodes[op.opcodeIndex])
        inputs = tuple(tensors[i] if i >= 0 else None for i in _row(op.inputs))
        outputs = tuple(tensors[i] for i in _row(op.outputs))
        kernel = inputs[1] if kind.has_kernel else None
        if kernel is not None:
            kernel = unpacked.get(kernel, kernel)
        if kind.name == "DEQUANTIZE":  # a kernel stored in 16 bits is behind what unpacks it
            unpacked[outputs[0]] = inputs[0]
        operators.append(
            Operator(
                index=index,
                kind=kind,
                inputs=inputs,
                outputs=outputs,
                kernel=kernel if kernel is not None and len(kernel.data) else None,
                has_activation=bool(getattr(op.builtinOptions, "fusedActivationFunction", 0)),
                options=op.builtinOptions,
            )
        )
    inputs, outputs = (tuple(tensors[i] for i in _row(e)) for e in (graph.inputs, graph.outputs))
    return Graph(tensors=tensors, operators=tuple(operators), inputs=inputs, outputs=outputs)


def _kind(code: Any) -> OperatorKind:
    # Files from before 2020 keep the code in a byte; newer ones put the larger one here.
    kind = BY_CODE[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if kind.name != "CUSTOM":
        return kind
    name = _text(code.customCode)
    return OperatorKind(name=name, title=name, is_custom=True)


def _tensor(model: Any, graph: Any, index: int) -> Tensor:
    tensor = graph.tensors[index]
    grid, data = tensor.quantization, model.buffers[tensor.buffer].data
    scales, zero_points = _scales(model, graph, grid)
    return Tensor(
        index=index,
        name=_text(tensor.name),
        shape=_row(tensor.shape),
        dtype=_TYPES[tensor.type],
        scales=scales,
        zero_points=zero_points,
        buffer=tensor.buffer,
        data=np.asarray(() if data is None else data, np.uint8),
    )


def _scales(
    model: Any, graph: Any, grid: Any
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Returns a tensor's scales and zero points; those of groups lie in a tensor of their own."""
    details = grid and grid.details
    if isinstance(details, schema.BlockwiseQuantizationT):
        stored = graph.tensors[details.scales]
        data = np.asarray(model.buffers[stored.buffer].data, np.uint8)
        scales = data.view(_TYPES[stored.type].lower()).astype(np.float32)
        return scales.reshape(_row(stored.shape)), np.zeros(scales.size, np.int64)
    if grid is None or grid.scale is None:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    return np.asarray(grid.scale, np.float32), np.asarray(grid.zeroPoint, np.int64)


def _row(vector: Any) -> tuple[int, ...]:
    return () if vector is None else tuple(int(each) for each in vector)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", errors="replace")
