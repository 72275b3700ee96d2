"""What a grid does to a kernel, for the Learn page. Pure functions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effq_core.learn.grids import Floats, Grid, channel_sqnr, make_grid, sqnr
from effq_core.learn.tensors import Layer


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
