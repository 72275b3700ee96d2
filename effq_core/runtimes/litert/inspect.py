"""What is inside a ``.tflite`` file, and how much of it XNNPACK takes."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from effq_core.base.errors import ModelError
from effq_core.runtimes.file_report import FileReport, TensorInfo
from effq_core.runtimes.litert.session import load_interpreter
from effq_core.tflite.file import Tensor, TfliteFile, read_tflite


def inspect_file(path: Path) -> FileReport:
    """Reads what is in a file, and XNNPACK's share here; ``ModelError`` if it must not run."""
    # Loading comes first: LiteRT verifies the file, which the reader does not.
    interpreter = load_interpreter(path, kernels=OpResolverType.AUTO)
    content = path.read_bytes()
    file = read_tflite(content)
    _refuse_two_bit_convolutions(path, file)
    tensors = [tensor for graph in file.graphs for tensor in graph.tensors]
    delegated = delegated_partitions(interpreter, len(file.main.operators))
    return FileReport(
        name=path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        ops=_sorted(Counter(op.kind.name for graph in file.graphs for op in graph.operators)),
        tensor_dtypes=_sorted(Counter(tensor.dtype for tensor in tensors)),
        weight_bytes=_weight_bytes(tensors),
        delegated_ops=len(set().union(*delegated)),
        main_ops=len(file.main.operators),
        partitions=len(delegated),
        inputs=tuple(_info(tensor) for tensor in file.main.inputs),
        outputs=tuple(_info(tensor) for tensor in file.main.outputs),
        signatures=file.signatures,
        has_float_tensors=tuple(
            tensor.name for tensor in tensors if tensor.dtype in ("FLOAT32", "FLOAT16", "BFLOAT16")
        ),
    )


def _refuse_two_bit_convolutions(path: Path, file: TfliteFile) -> None:
    # LiteRT loads them, reads past their weights, and may crash.
    for op in (op for graph in file.graphs for op in graph.operators):
        if op.kernel is not None and "CONV" in op.kind.name and op.kernel.dtype == "INT2":
            raise ModelError(
                f"{path.name} has 2-bit weights in {op.kind.name}, which LiteRT cannot run.",
                "Convert it again with 4 bits or more there.",
            )


def delegated_partitions(interpreter: Interpreter, operators: int) -> list[set[int]]:
    """Finds the indices of the operators in each piece that XNNPACK took over.

    LiteRT's node list appends each piece as one ``DELEGATE`` node. From its outputs back to its
    inputs lie exactly the operators of the piece. The tensors must be allocated.
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


def _weight_bytes(tensors: Sequence[Tensor]) -> dict[str, int]:
    stored = {tensor.buffer: tensor for tensor in reversed(tensors)}  # several may share one
    totals: Counter[str] = Counter()
    for tensor in stored.values():
        totals[tensor.dtype] += len(tensor.data)
    return _sorted(+totals)


def _info(tensor: Tensor) -> TensorInfo:
    scale, zero_point = tensor.grid or (None, None)
    return TensorInfo(
        name=tensor.name, shape=tensor.shape, dtype=tensor.dtype, scale=scale, zero_point=zero_point
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
