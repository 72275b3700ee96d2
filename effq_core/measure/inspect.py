"""What is inside a ``.tflite`` file, and how much of it the fast kernels take."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from effq_core.base.errors import ModelError
from effq_core.measure.runtime import load_interpreter
from effq_core.tflite.file import Tensor, TfliteFile, read_tflite


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """An input or output of a file.

    Attributes:
        name: Its name.
        shape: Its sides.
        dtype: For example ``FLOAT32`` or ``INT8``.
        scale: Step between neighbouring integers; ``None`` for a float tensor.
        zero_point: The integer that stands for zero; ``None`` for a float tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """What one ``.tflite`` file consists of.

    Attributes:
        name: File name.
        size_bytes: Size in bytes.
        sha256: Of the whole file, 64 hexadecimal digits.
        ops: Operators by name.
        tensor_dtypes: Tensors by type.
        weight_bytes: Bytes of stored constants by type.
        delegated_ops: Operators XNNPACK takes, of those in the main graph.
        main_ops: Operators in the main graph.
        partitions: Pieces XNNPACK's share falls into; values cross over between them.
        inputs: Inputs of the main graph.
        outputs: Its outputs.
        signatures: Names of its signatures.
        has_float_tensors: Names of its FLOAT32, FLOAT16 and BFLOAT16 tensors; empty for a file
            that is integer throughout.
    """

    name: str
    size_bytes: int
    sha256: str
    ops: dict[str, int]
    tensor_dtypes: dict[str, int]
    weight_bytes: dict[str, int]
    delegated_ops: int
    main_ops: int
    partitions: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    signatures: tuple[str, ...]
    has_float_tensors: tuple[str, ...]

    @property
    def size_kib(self) -> float:
        """Size in KiB."""
        return self.size_bytes / 1024

    @property
    def delegated_share(self) -> float:
        """Share of the main graph's operators that XNNPACK takes, 0–1."""
        return self.delegated_ops / self.main_ops if self.main_ops else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values, the two derived numbers among them."""
        plain = asdict(self)
        for side in ("inputs", "outputs"):
            plain[side] = [{**tensor, "shape": list(tensor["shape"])} for tensor in plain[side]]
        for name in ("signatures", "has_float_tensors"):
            plain[name] = list(plain[name])
        return {**plain, "size_kib": self.size_kib, "delegated_share": self.delegated_share}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> FileReport:
        """Rebuilds a report from :meth:`to_dict`.

        Args:
            plain: JSON values.

        Returns:
            The report.
        """
        values = {k: v for k, v in plain.items() if k not in ("size_kib", "delegated_share")}
        for side in ("inputs", "outputs"):
            values[side] = tuple(
                TensorInfo(**{**tensor, "shape": tuple(tensor["shape"])}) for tensor in plain[side]
            )
        for name in ("signatures", "has_float_tensors"):
            values[name] = tuple(plain[name])
        return cls(**values)


def inspect_file(path: Path | str) -> FileReport:
    """Reads what a ``.tflite`` file consists of.

    Args:
        path: The file.

    Returns:
        Its operators, tensors, types and how much of it XNNPACK takes on this processor.

    Raises:
        ModelError: If the file is missing or corrupt, or must not be run.
    """
    path = Path(path)
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


def _weight_bytes(tensors: Sequence[Tensor]) -> dict[str, int]:
    stored = {tensor.buffer: tensor for tensor in reversed(tensors)}  # several may share one
    totals: Counter[str] = Counter()
    for tensor in stored.values():
        totals[tensor.dtype] += len(tensor.data)
    return _sorted(+totals)


def _info(tensor: Tensor) -> TensorInfo:
    scale, zero_point = tensor.grid or (None, None)
    return TensorInfo(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        scale=scale,
        zero_point=zero_point,
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
