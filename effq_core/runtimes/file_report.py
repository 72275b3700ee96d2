"""What is inside a model file, and how much of it the fast kernels take."""

from dataclasses import dataclass
from typing import Any

from effq_core.base.plain import Plain


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """An input or output of a file."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # for example ``FLOAT32`` or ``INT8``
    scale: float | None  # step between neighbouring integers; ``None`` for a float tensor
    zero_point: int | None  # the integer that stands for zero; ``None`` for a float tensor


@dataclass(frozen=True, kw_only=True)
class FileReport(Plain):
    """What one model file consists of."""

    name: str
    size_bytes: int
    sha256: str  # of the whole file, 64 hexadecimal digits
    ops: dict[str, int]  # operators by name
    tensor_dtypes: dict[str, int]  # tensors by type
    weight_bytes: dict[str, int]  # bytes of stored constants by type
    delegated_ops: int  # operators the runtime's fast kernels take, of those in the main graph
    main_ops: int  # operators in the main graph
    partitions: int  # pieces their share falls into; values cross over between them
    inputs: tuple[TensorInfo, ...]  # inputs of the main graph
    outputs: tuple[TensorInfo, ...]
    signatures: tuple[str, ...]  # names of its signatures
    # Names of its FLOAT32, FLOAT16 and BFLOAT16 tensors; empty for a file that is integer
    # throughout.
    has_float_tensors: tuple[str, ...]

    @property
    def size_kib(self) -> float:
        """Size in KiB."""
        return self.size_bytes / 1024

    @property
    def delegated_share(self) -> float:
        """Share of the main graph's operators that the fast kernels take, 0–1."""
        return self.delegated_ops / self.main_ops if self.main_ops else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values, the two derived numbers among them."""
        derived = {"size_kib": self.size_kib, "delegated_share": self.delegated_share}
        return {**super().to_dict(), **derived}
