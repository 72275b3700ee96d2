"""The grid of n bits by TensorFlow Lite's 8-bit specification, and what it does to a kernel."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import InputError
from effq_core.learn.tensors import Layer

BITS = (2, 8)  # fewest and most bits of a grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Which values can be represented: ``scale * (integer - zero_point)``."""

    bits: int  # how many
    scale: Floats  # step between neighbours, float64 ``(c,)``: one a channel, or a single one
    zero_point: Ints  # integer that stands for 0, int64 ``(c,)``
    lowest: int  # smallest integer used
    highest: int  # largest integer used

    @property
    def low(self) -> Floats:
        """Smallest representable value, ``(c,)``."""
        return self.scale * (self.lowest - self.zero_point)

    @property
    def high(self) -> Floats:
        """Largest representable value, ``(c,)``."""
        return self.scale * (self.highest - self.zero_point)

    def levels(self, channel: int = 0) -> Floats:
        """Returns every representable value of a channel, ``(integers,)``, rising."""
        integers = np.arange(self.lowest, self.highest + 1)
        found: Floats = self.scale[channel] * (integers - self.zero_point[channel])
        return found

    def integers(self, values: npt.NDArray[Any]) -> Ints:
        """Rounds ``(c, ...)``, any shape for one channel, to even, and clips to the grid."""
        scale, zero = self._like(values)
        steps = np.rint(np.asarray(values, np.float64) / scale) + zero
        found: Ints = np.clip(steps, self.lowest, self.highest).astype(np.int64)
        return found

    def round(self, values: npt.NDArray[Any]) -> Floats:
        """Returns the values the grid puts in place of others; arguments as in :meth:`integers`."""
        scale, zero = self._like(values)
        rounded: Floats = scale * (self.integers(values) - zero)
        return rounded

    def _like(self, values: npt.NDArray[Any]) -> tuple[Floats, Ints]:
        shape = (-1,) + (1,) * (np.ndim(values) - 1) if len(self.scale) > 1 else ()
        return self.scale.reshape(shape), self.zero_point.reshape(shape)


def make_grid(low: npt.ArrayLike, high: npt.ArrayLike, bits: int, *, symmetric: bool) -> Grid:
    """Lays a grid of 2 to 8 bits over ranges, numbers or ``(c,)``; an empty one has scale 1."""
    if not BITS[0] <= bits <= BITS[1]:
        raise InputError(f"A grid of {bits} bits cannot be shown.", "Choose 2 to 8 bits.")
    # The real 0 must be one of the levels: TensorFlow Lite pads with it.
    low = np.minimum(np.atleast_1d(np.asarray(low, np.float64)), 0.0)
    high = np.maximum(np.atleast_1d(np.asarray(high, np.float64)), 0.0)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise InputError("A range is not finite.", "The values it was made from are damaged.")
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if symmetric:
        lowest += 1
        scale = np.maximum(-low, high) / highest
    else:
        scale = (high - low) / (highest - lowest)
    scale = np.where(scale > 0, scale, 1.0)
    zero = np.zeros(scale.shape) if symmetric else _away_from_zero(lowest - low / scale)
    return Grid(bits, scale, np.clip(zero, lowest, highest).astype(np.int64), lowest, highest)


def _away_from_zero(values: Floats) -> Floats:
    """Rounds as C++ does, whose converter places the zero point: halves go away from 0."""
    # Ranges that end at bins of a histogram give halves often, a last digit more or less.
    found: Floats = np.sign(values) * np.floor(np.round(np.abs(values), 9) + 0.5)
    return found


def quantize(
    values: npt.NDArray[Any], bits: int, *, symmetric: bool, per_channel: bool
) -> tuple[Grid, Floats]:
    """Quantizes ``(c, k)``, c channels, to 2 to 8 bits in the grid of their own extremes."""
    low, high = values.min(axis=1), values.max(axis=1)
    if not per_channel:
        low, high = low.min(), high.max()
    grid = make_grid(low, high, bits, symmetric=symmetric)
    return grid, grid.round(values)


def decibels(signal: float, noise: float) -> float:
    """Compares two powers: ``10 log10(signal / noise)``, infinite where nothing is lost."""
    if noise <= 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def sqnr(values: npt.NDArray[Any], rounded: npt.NDArray[Any]) -> float:
    """Returns the signal-to-quantization-noise ratio of all values, in dB; may be infinite."""
    exact = np.asarray(values, np.float64)
    return decibels(float((exact**2).sum()), float(((exact - rounded) ** 2).sum()))


def channel_sqnr(values: npt.NDArray[Any], rounded: npt.NDArray[Any]) -> Floats:
    """Returns the ratio of each channel of ``(c, k)`` values in dB, float64 ``(c,)``."""
    exact = np.asarray(values, np.float64)
    signal, noise = (exact**2).sum(axis=1), ((exact - rounded) ** 2).sum(axis=1)
    return np.array([decibels(*powers) for powers in zip(signal, noise, strict=True)])


@dataclass(frozen=True, eq=False)
class KernelEffect:
    """What a grid does to the kept channels of a kernel."""

    grid: Grid  # of one channel (per tensor), or of every kept channel
    rounded: Floats  # what stands in place of the weights, float64 ``(kept, weights of a channel)``
    total: float  # SQNR of all of them together, dB
    channels: Floats  # SQNR of each kept channel, dB, ``(kept,)``
    per_channel: bool  # whether each channel has a grid of its own

    @property
    def typical(self) -> float:
        """SQNR of the median channel, dB."""
        return float(np.median(self.channels))

    def levels(self, row: int) -> Floats:
        """Returns the grid values a kept channel can take, rising."""
        return self.grid.levels(row if self.per_channel else 0)

    def used(self, row: int) -> int:
        """Counts the different values a kept channel really takes."""
        return len(np.unique(self.rounded[row]))


def quantize_kernel(layer: Layer, bits: int, *, symmetric: bool, per_channel: bool) -> KernelEffect:
    """Quantizes a kernel. The range of a whole kernel is that of all channels, kept or not."""
    low: npt.NDArray[np.float32] = layer.low[layer.channels] if per_channel else layer.low.min()
    high: npt.NDArray[np.float32] = layer.high[layer.channels] if per_channel else layer.high.max()
    grid = make_grid(low, high, bits, symmetric=symmetric)
    rounded = grid.round(layer.values)
    return KernelEffect(
        grid=grid,
        rounded=rounded,
        total=sqnr(layer.values, rounded),
        channels=channel_sqnr(layer.values, rounded),
        per_channel=per_channel,
    )


def telling_layer(layers: tuple[Layer, ...]) -> int:
    """Returns the place of the kernel whose channels' ranges differ most: there scales matter."""

    def spread(layer: Layer) -> float:
        widths = np.maximum(-layer.low, layer.high)
        return float(widths.max() / max(np.median(widths), 1e-12))

    return max(range(len(layers)), key=lambda place: spread(layers[place]))


def telling_channel(layer: Layer) -> int:
    """Returns the row of a kept channel that is narrow beside its kernel, though not empty."""
    widths = np.maximum(-layer.low, layer.high)[layer.channels]
    order = np.argsort(widths)
    return int(order[len(order) // 10])
