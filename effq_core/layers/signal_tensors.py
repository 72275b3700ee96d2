"""One activation, and one kernel, in float32 and in int8.

The signal-to-quantization-noise ratio is that of the Learn page and of the literature on
quantization (Nagel et al., *A White Paper on Neural Network Quantization*, 2021; for its use layer
by layer: Lin et al., *Fixed Point Quantization of Deep Convolutional Networks*, 2016)::

    SQNR = 10 log10( sum x^2 / sum (x - x')^2 )   in dB

x is float32's value, x' what int8 has in its place, converted back to a real number. 6 dB are about
one bit. It counts everything lost *up to here*, by this operator and by all before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

MOST_BINS = 128  # bins of a histogram, at most

_Array = npt.NDArray[Any]


class Shelf:
    """Arrays of many members end to end: a file of a thousand little ones is mostly names."""

    def __init__(self, columns: dict[str, _Array] | None = None) -> None:
        self._columns = columns or {}
        self._pieces: dict[str, list[_Array]] = {}
        self._taken: dict[str, int] = {}

    def put(self, column: str, values: _Array) -> int:
        """Adds values at the end of a column; returns how many they are."""
        self._pieces.setdefault(column, []).append(values)
        return len(values)

    def take(self, column: str, count: int) -> _Array:
        """Returns the next values of a column, as many as :meth:`put` returned."""
        start = self._taken.get(column, 0)
        found = self._columns[column][start : start + count]
        if count < 0 or len(found) != count or found.ndim != 1:
            raise ValueError(f"column {column!r} is too short")
        self._taken[column] = start + count
        return found

    def save(self, file: Path) -> None:
        """Writes what was put."""
        columns = {name: np.concatenate(pieces) for name, pieces in self._pieces.items()}
        with file.open("wb") as opened:
            np.savez_compressed(opened, **columns)  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: Path) -> Shelf:
        """Reads what :meth:`save` wrote; errors are those of ``numpy.load``."""
        with np.load(file, allow_pickle=False) as stored:
            return cls({name: stored[name] for name in stored.files})


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorSignal:
    """What one operator makes of the photos, in float32 and in int8."""

    tensor: str  # name of the tensor in the float32 file
    layer: str  # name of its layer
    block: str  # name of its block
    kind: str  # of its operator, such as ``CONV_2D``
    images: int  # photos it was watched on
    # SQNR over all values, dB; ``inf``: nothing is lost; ``-inf``: only float32 has just zeros.
    sqnr_db: float
    # Median over photos of each one's SQNR, of all values or the median channel if lower, dB: a few
    # photos with large values rule the sum over all, not this.
    typical_db: float
    # Median over channels, but empty ones, of each one's SQNR, dB (of single values: that of all):
    # one channel with large values rules the sum while its grid is too coarse for the others.
    channel_db: float
    # ``sum x x' / sqrt(sum x^2 sum x'^2)`` over all values; 1: both are only zeros; 0: one is.
    cosine: float
    low: float  # smallest value float32 had
    high: float  # largest value float32 had
    # Smallest value int8 can represent, ``scale (-128 - zero_point)``; ``-inf`` for floats.
    int8_low: float
    # Largest one: ``scale (127 - zero_point)``; ``inf`` where it is kept in floats.
    int8_high: float
    scale: float | None  # step of the int8 grid; ``None`` where the tensor is kept in floats
    zero_point: int | None  # integer that stands for 0; ``None`` where the tensor is kept in floats
    # Share of float32's values, 0 to 1, outside the int8 range by more than half a step.
    clipped_share: float
    # Counts of float32's values (of large tensors: some, evenly spaced), int64 ``(bins,)``.
    histogram: _Array
    # Ends of its equal bins, over float32's values and the int8 range, float64 ``(bins + 1,)``.
    edges: _Array

    @property
    def lower_db(self) -> float:
        """The lower one of :attr:`sqnr_db` and :attr:`channel_db`."""
        return min(self.sqnr_db, self.channel_db)

    @property
    def used_share(self) -> float | None:
        """Share of the int8 range float32's values span, 0 to 1; ``None`` where kept in floats."""
        if self.scale is None:
            return None
        span = min(self.high, self.int8_high) - max(self.low, self.int8_low)
        return max(span, 0.0) / (self.int8_high - self.int8_low)

    def put(self, shelf: Shelf) -> dict[str, Any]:
        """Puts its arrays onto a shelf; returns the rest, to find them again, as JSON values."""
        return {**_plain(self), **_put_histogram(self, shelf, "tensor")}

    @classmethod
    def take(cls, plain: dict[str, Any], shelf: Shelf) -> Self:
        """Takes its arrays off a shelf in their order; ``plain`` is what :meth:`put` returned."""
        histogram, edges = _take_histogram(plain, shelf, "tensor")
        numbers: dict[str, Any] = {name: float(plain[name]) for name in _NUMBERS}
        made = cls(
            **_names(plain),
            **numbers,
            images=int(plain["images"]),
            scale=None if plain["scale"] is None else float(plain["scale"]),
            zero_point=None if plain["zero_point"] is None else int(plain["zero_point"]),
            histogram=histogram,
            edges=edges,
        )
        _check(
            made.tensor,
            made.images > 0 and 0 <= made.clipped_share <= 1 and abs(made.cosine) <= 1,
            math.isfinite(made.low) and math.isfinite(made.high) and made.low <= made.high,
            made.int8_low < made.int8_high,
            not any(map(math.isnan, (made.sqnr_db, made.typical_db, made.channel_db))),
            (made.scale is None) == (made.zero_point is None),
            made.scale is None or 0 < made.scale < math.inf,
        )
        return made


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelSignal:
    """The weights of one operator, in float32 and in int8."""

    tensor: str  # name of the tensor its operator makes, as in :class:`TensorSignal`
    layer: str  # name of its layer
    block: str  # name of its block
    kind: str  # of its operator
    shape: tuple[int, ...]  # of the kernel in the file
    low: _Array  # smallest weight of each output channel, float32 ``(channels,)``
    high: _Array  # largest weight of each, float32 ``(channels,)``
    # Steps of the int8 grid, float32 ``(channels,)`` or ``(1,)``; empty for kernels in floats.
    scales: _Array
    # Largest over median of the channels' largest absolute weights: how unlike they are (Nagel et
    # al., *Data-Free Quantization Through Weight Equalization*, 2019); ``inf``: most are empty.
    spread: float
    # SQNR of the int8 file's weights against float32's, dB; what QAT changed counts as lost.
    sqnr_db: float
    histogram: _Array  # counts of the float32 weights, int64 ``(bins,)``
    edges: _Array  # ends of its equal bins, float64 ``(bins + 1,)``

    def put(self, shelf: Shelf) -> dict[str, Any]:
        """Puts its arrays onto a shelf; returns the rest, to find them again, as JSON values."""
        channels = [shelf.put(f"kernel_{end}", getattr(self, end)) for end in ("low", "high")]
        return {
            **_plain(self),
            **_put_histogram(self, shelf, "kernel"),
            "channels": channels[0],
            "scales": shelf.put("kernel_scales", self.scales.astype(np.float32)),
        }

    @classmethod
    def take(cls, plain: dict[str, Any], shelf: Shelf) -> Self:
        """Takes its arrays off a shelf: see :meth:`TensorSignal.take`."""
        histogram, edges = _take_histogram(plain, shelf, "kernel")
        made = cls(
            **_names(plain),
            shape=tuple(int(side) for side in plain["shape"]),
            low=shelf.take("kernel_low", plain["channels"]),
            high=shelf.take("kernel_high", plain["channels"]),
            scales=shelf.take("kernel_scales", plain["scales"]),
            spread=float(plain["spread"]),
            sqnr_db=float(plain["sqnr_db"]),
            histogram=histogram,
            edges=edges,
        )
        _check(
            made.tensor,
            made.low.size > 0,
            bool(np.isfinite([made.low, made.high]).all() and (made.low <= made.high).all()),
            made.scales.shape in ((0,), (1,), made.low.shape),
            bool(np.isfinite(made.scales).all() and (made.scales > 0).all()),
            made.spread >= 1 and not math.isnan(made.sqnr_db),
        )
        return made


_NUMBERS = tuple(each.name for each in fields(TensorSignal) if each.type == "float")


def _plain(member: TensorSignal | KernelSignal) -> dict[str, Any]:
    values = {field.name: getattr(member, field.name) for field in fields(member)}
    return {
        # JSON has no infinity; as text, every reader's float() knows it.
        name: str(value) if isinstance(value, float) and math.isinf(value) else value
        for name, value in values.items()
        if not isinstance(value, np.ndarray)
    }


def _names(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: str(plain[name]) for name in ("tensor", "layer", "block", "kind")}


def _put_histogram(
    member: TensorSignal | KernelSignal, shelf: Shelf, column: str
) -> dict[str, Any]:
    # Bins are equal, so the two outer edges tell all of them.
    ends = [float(member.edges[0]), float(member.edges[-1])]
    return {"bins": shelf.put(f"{column}_histogram", member.histogram), "edges": ends}


def _take_histogram(plain: dict[str, Any], shelf: Shelf, column: str) -> tuple[_Array, _Array]:
    counts = shelf.take(f"{column}_histogram", plain["bins"])
    low, high = (float(end) for end in plain["edges"])
    _check(
        plain["tensor"],
        counts.dtype == np.int64 and 0 < counts.size <= MOST_BINS,
        bool((counts >= 0).all()),
        -math.inf < low < high < math.inf,
    )
    return counts, np.linspace(low, high, len(counts) + 1)


def _check(name: str, *conditions: bool) -> None:
    if not all(conditions):
        raise ValueError(f"{name!r} does not fit together")
