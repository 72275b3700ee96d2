"""Two files of one model side by side: one photo through both, every operator's values kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError
from effq_core.learn.grids import decibels
from effq_core.runtimes.model import Model
from effq_core.tflite.file import Operator, Tensor, read_tflite
from effq_core.tflite.network import Op, read_network

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
_Sum = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One operator in both files."""

    op: Op  # in the float32 file
    float32: int  # number of its output's tensor there
    int8: int  # number of its output's tensor in the int8 file
    scale: float | None  # of the int8 grid; ``None`` where the tensor is kept in floats
    zero_point: int | None  # of the int8 grid; ``None`` where the tensor is kept in floats
    low: float  # smallest value the grid can represent, ``-inf`` where kept in floats
    high: float  # largest one, ``inf`` where kept in floats
    kernels: tuple[Tensor, Tensor] | None  # its weights in either file; ``None`` where it has none

    @property
    def is_map(self) -> bool:
        """Whether a channel has several values on one photo."""
        return math.prod(self.op.shape[:-1]) > 1


@dataclass(frozen=True, eq=False)
class Sums:
    """What similarity follows from; adds up over photos."""

    # Sum of squares of float32's values, of each channel, float64 ``(channels,)``.
    signal: _Sum = field(default_factory=lambda: np.zeros(1))
    # Sum of squares of the differences to int8's, likewise.
    noise: _Sum = field(default_factory=lambda: np.zeros(1))
    other: float = 0.0  # sum of squares of int8's values
    product: float = 0.0  # sum of their products with float32's

    @classmethod
    def of(cls, exact: Floats, rounded: Floats) -> Sums:
        """Sums up two tensors, both ``(positions, channels)``."""
        error = exact - rounded
        ones = np.ones(len(exact), np.float32)
        return cls(
            (ones @ np.square(exact)).astype(np.float64),
            (ones @ np.square(error, out=error)).astype(np.float64),
            float(np.vdot(rounded, rounded)),
            float(np.vdot(exact, rounded)),
        )

    def __add__(self, more: Sums) -> Sums:
        return Sums(
            self.signal + more.signal,
            self.noise + more.noise,
            self.other + more.other,
            self.product + more.product,
        )

    @property
    def sqnr_db(self) -> float:
        """Signal-to-quantization-noise ratio in dB; ``inf`` where nothing is lost."""
        return decibels(float(self.signal.sum()), float(self.noise.sum()))

    @property
    def channel_db(self) -> float:
        """Ratio of the median channel, of those that are not all zeros, in dB."""
        alive = self.signal > 0
        if not alive.any():
            return self.sqnr_db
        with np.errstate(divide="ignore"):  # nothing lost is infinite
            ratios = 10 * np.log10(self.signal[alive] / self.noise[alive])
        return median(ratios)

    @property
    def cosine(self) -> float:
        """Cosine of the angle between both, -1 to 1; 1 where both are 0, 0 where one is."""
        if not self.noise.any():
            return 1.0
        lengths = math.sqrt(float(self.signal.sum()) * self.other)
        return min(max(self.product / lengths, -1.0), 1.0) if lengths else 0.0


def median(values: Sequence[float] | _Sum) -> float:
    """Returns the median, the lower one of two: a mean with infinity would be infinite."""
    return float(np.sort(values)[(len(values) - 1) // 2])


class Both:
    """Both files, with all their tensors kept, for one thread; ModelError if they do not fit.

    XNNPACK runs each operator by itself: on the bundled model the probabilities are those of the
    files as used, bit for bit. LiteRT's own kernels would be another model: up to 12 of 256
    steps elsewhere, and five times as slow in floats.
    """

    def __init__(self, float32: Path, int8: Path, *, threads: int = 1) -> None:
        self._float32 = Model(float32, threads=threads, keep_values=True)
        self._int8 = Model(int8, threads=threads, keep_values=True)
        if (self._float32.image_size, self._float32.classes) != (
            self._int8.image_size,
            self._int8.classes,
        ):
            raise _misfit(float32, int8)
        self.image_size = self._float32.image_size
        self.ops = read_network(float32).ops
        self.pairs = _pair(float32, int8, self.ops)
        self._tables = {p.op.tensor: _table(p) for p in self.pairs if p.scale is not None}

    def run(self, image: Image) -> tuple[Floats, Floats]:
        """Runs both on an uint8 ``(side, side, 3)``; returns float32 ``(classes,)`` of each."""
        return self._float32.predict(image), self._int8.predict(image)

    def values(self, pair: Pair) -> tuple[Floats, Floats]:
        """Returns copies of both files' values: float32 ``(positions, channels)``."""
        shape = (-1, pair.op.shape[-1] if pair.op.shape else 1)
        exact = self._float32.session.value(pair.float32).reshape(shape)
        rounded = self._int8.session.value(pair.int8).reshape(shape)
        if pair.scale is not None:
            rounded = self._tables[pair.op.tensor][rounded.view(np.uint8)]
        return exact, rounded


def _operators(path: Path) -> list[Operator]:
    """Lists a file's operators but for those between floats and integers: they have no match."""
    return [op for op in read_tflite(path).main.operators if not op.kind.is_border]


def _pair(float32: Path, int8: Path, all_ops: Sequence[Op]) -> tuple[Pair, ...]:
    """Finds each operator's counterpart by its tensor's name; by place where QAT renamed them."""
    first, second = _operators(float32), _operators(int8)
    by_name = {op.output.name: op for op in second}
    found = [(op, by_name.get(op.output.name)) for op in first]
    if any(other is None for _, other in found):
        alike = [(op.kind, op.output.shape) for op in first] == [
            (op.kind, op.output.shape) for op in second
        ]
        if alike:
            found = list(zip(first, second, strict=True))
    ops = {op.tensor: op for op in all_ops}
    pairs = [
        _make(ops[op.output.name], op, other)
        for op, other in found
        if other is not None and other.output.shape == op.output.shape
    ]
    if not pairs:
        raise _misfit(float32, int8)
    return tuple(pairs)


def _make(op: Op, own: Operator, other: Operator) -> Pair:
    grid = other.output.grid if other.output.dtype == "INT8" else None
    scale, zero_point = grid or (None, None)
    return Pair(
        op=op,
        float32=own.output.index,
        int8=other.output.index,
        scale=scale,
        zero_point=zero_point,
        low=grid[0] * (-128 - grid[1]) if grid else -math.inf,
        high=grid[0] * (127 - grid[1]) if grid else math.inf,
        kernels=(own.kernel, other.kernel) if own.kernel and other.kernel else None,
    )


def _table(pair: Pair) -> Floats:
    """Returns the real number each of the 256 bytes stands for, in the order of uint8."""
    integers = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float32)
    table: Floats = (integers - np.float32(pair.zero_point)) * np.float32(pair.scale)
    return table


def _misfit(float32: Path, int8: Path) -> ModelError:
    message = f"{float32} and {int8} are not files of the same model."
    return ModelError(message, "Compare two variants of one run.")
