"""What is inside a ``.tflite`` file, and how much of it the fast kernels take."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from effq_core.base.errors import ModelError
from effq_core.runtimes.file_report import FileReport, TensorInfo
from effq_core.runtimes.litert.session import load_interpreter


def inspect_file(path: Path) -> FileReport:
    """Reads what a ``.tflite`` file consists of.

    Args:
        path: The file.

    Returns:
        Its operators, tensors, types and how much of it XNNPACK takes on this processor.

    Raises:
        ModelError: If the file is missing or corrupt.
    """
    # Loading comes first: LiteRT verifies the file, which the generated accessors do not.
    interpreter = load_interpreter(path, kernels=OpResolverType.AUTO)
    content = path.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() == 0:
        raise ModelError(f"{path} holds no graph.", "Make the file again.")
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    tensors = [tensor for graph in graphs for tensor in _tensors(graph)]
    delegated = delegated_partitions(interpreter, graphs[0].OperatorsLength())
    return FileReport(
        name=path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        ops=_sorted(Counter(op for graph in graphs for op in _ops(model, graph))),
        tensor_dtypes=_sorted(Counter(_dtype(tensor) for tensor in tensors)),
        weight_bytes=_weight_bytes(model, tensors),
        delegated_ops=len(set().union(*delegated)),
        main_ops=graphs[0].OperatorsLength(),
        partitions=len(delegated),
        inputs=tuple(
            _info(graphs[0].Tensors(graphs[0].Inputs(i))) for i in range(graphs[0].InputsLength())
        ),
        outputs=tuple(
            _info(graphs[0].Tensors(graphs[0].Outputs(i))) for i in range(graphs[0].OutputsLength())
        ),
        signatures=tuple(
            _text(model.SignatureDefs(i).SignatureKey()) for i in range(model.SignatureDefsLength())
        ),
        has_float_tensors=tuple(
            _text(t.Name()) for t in tensors if _dtype(t) in ("FLOAT32", "FLOAT16", "BFLOAT16")
        ),
    )


def delegated_partitions(interpreter: Interpreter, operators: int) -> list[set[int]]:
    """Finds which operators XNNPACK took over.

    LiteRT has no Python call for this, but its node list tells: the file's own operators keep
    their places, and each piece a delegate took is appended as one ``DELEGATE`` node with the
    piece's inputs and outputs. Walking from those outputs back to those inputs visits exactly the
    operators of the piece, since every operator in it reaches one of its outputs and every value
    that enters it is one of its inputs.

    Args:
        interpreter: With its tensors allocated.
        operators: How many operators the main graph of the file has.

    Returns:
        For each delegated piece the indices of its operators.
    """
    nodes = interpreter._get_ops_details()
    producer = {
        int(tensor): index
        for index, node in enumerate(nodes[:operators])
        for tensor in node["outputs"]
    }
    partitions = []
    for node in nodes[operators:]:
        if node["op_name"] != "DELEGATE":
            continue
        entering = {int(tensor) for tensor in node["inputs"]}
        piece: set[int] = set()
        pending = [int(tensor) for tensor in node["outputs"]]
        while pending:
            tensor = pending.pop()
            source = producer.get(tensor)
            if tensor in entering or source is None or source in piece:
                continue
            piece.add(source)
            pending.extend(int(value) for value in nodes[source]["inputs"] if value >= 0)
        partitions.append(piece)
    return partitions


def _tensors(graph: Any) -> Iterator[Any]:
    for index in range(graph.TensorsLength()):
        yield graph.Tensors(index)


def _ops(model: Any, graph: Any) -> Iterator[str]:
    for index in range(graph.OperatorsLength()):
        code = model.OperatorCodes(graph.Operators(index).OpcodeIndex())
        # Files from before 2020 keep the code in a byte; newer ones put the larger one here.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _names(schema.BuiltinOperator)[number]
        yield _text(code.CustomCode()) if name == "CUSTOM" else name


@cache
def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _dtype(tensor: Any) -> str:
    return _names(schema.TensorType)[tensor.Type()]


def _weight_bytes(model: Any, tensors: list[Any]) -> dict[str, int]:
    seen: set[int] = set()
    totals: Counter[str] = Counter()
    for tensor in tensors:
        buffer = tensor.Buffer()
        size = model.Buffers(buffer).DataLength()
        if size and buffer not in seen:  # tensors may share one buffer
            totals[_dtype(tensor)] += size
            seen.add(buffer)
    return _sorted(totals)


def _info(tensor: Any) -> TensorInfo:
    quantization = tensor.Quantization()
    quantized = quantization is not None and quantization.ScaleLength() > 0
    return TensorInfo(
        name=_text(tensor.Name()),
        shape=tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength())),
        dtype=_dtype(tensor),
        scale=float(quantization.Scale(0)) if quantized else None,
        zero_point=int(quantization.ZeroPoint(0)) if quantized else None,
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", errors="replace")


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
