"""A runtime from outside: its files hold one matrix, and it multiplies."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.models.file_input import TensorSpec
from effq_core.runtimes.file_report import FileReport, TensorInfo
from effq_core.runtimes.session import Kernels, Session, Values

SIDE, CLASSES = 8, 5


def write_toy(path: Path, seed: int = 0) -> np.ndarray:
    """Writes a file and returns its matrix, float32 (side * side * 3, classes)."""
    matrix = np.random.default_rng(seed).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32)
    with path.open("wb") as file:
        np.savez(file, matrix=matrix / 1000)
    return matrix / 1000


def _read(path: Path) -> np.ndarray:
    try:
        with np.load(path) as arrays:
            return arrays["matrix"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"Toy cannot load {path.name}: {error}") from error


class ToySession(Session):
    """Multiplies, with an accumulator of 32 bits or, as a reference, of 64."""

    def __init__(self, path: Path, kernels: Kernels) -> None:
        matrix = _read(path)
        self._matrix = matrix.astype(np.float64) if kernels is Kernels.REFERENCE else matrix
        self._given = np.zeros((1, SIDE, SIDE, 3), np.float32)
        self._made = np.zeros((1, CLASSES), np.float32)
        self.inputs = (TensorSpec(self._given.shape, self._given.dtype),)
        self.outputs = (TensorSpec(self._made.shape, self._made.dtype),)

    def feed(self, values: Values) -> None:
        self._given = values

    def invoke(self) -> None:
        self._made = (self._given.reshape(1, -1) @ self._matrix).astype(np.float32)

    def answer(self) -> Values:
        return self._made

    def value(self, tensor: int) -> Values:
        return (self._given, self._matrix, self._made)[tensor].copy()

    def multiplications(self) -> int:
        return self._matrix.size


@dataclass(frozen=True)
class Toy:
    """The runtime; see ``effq_core.runtimes.session.Runtime``."""

    name: str = "toy"
    title: str = "Toy"
    fast_kernels: str = "NumPy"
    suffix: str = ".toy"
    packages: tuple[str, ...] = ("numpy",)

    def start(self) -> None:
        """Nothing has to be imported."""

    def open(
        self,
        path: Path,
        *,
        threads: int = 1,
        kernels: Kernels = Kernels.USUAL,
        keep_values: bool = False,
    ) -> Session:
        return ToySession(path, kernels)

    def inspect(self, path: Path) -> FileReport:
        matrix = _read(path)
        shapes = {"image": (1, SIDE, SIDE, 3), "scores": (1, CLASSES)}
        image, scores = (
            TensorInfo(name=name, shape=shape, dtype="FLOAT32", scale=None, zero_point=None)
            for name, shape in shapes.items()
        )
        return FileReport(
            name=path.name,
            size_bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            ops={"MATMUL": 1},
            tensor_dtypes={"FLOAT32": 3},
            weight_bytes={"FLOAT32": matrix.nbytes},
            delegated_ops=1,
            main_ops=1,
            partitions=1,
            inputs=(image,),
            outputs=(scores,),
            signatures=(),
            has_float_tensors=("image", "matrix", "scores"),
        )
