"""What a calibration method makes of an activation, and what that costs. Pure numpy."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import InputError
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.grids import Grid, decibels, make_grid
from effq_core.learn.tensors import Activation
from effq_core.quantize.ranges import Observed, ranges_of

HARD_SHARE = 10.0  # per cent of the photos that are worse off than what is called a hard photo

_POINTS = 16  # values tried in each bin of a histogram

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RangeEffect:
    """What a range does to an activation."""

    method: str  # how the range was found
    images: int  # from how many photos
    low: float
    high: float
    scale: float  # step between neighbouring values
    zero_point: int  # the integer that stands for 0
    clipped: float  # share of all photos' values outside of it, 0-1
    typical: float  # SQNR of the median photo, dB
    hard: float  # SQNR that nine in ten photos exceed, dB


def find_range(
    activation: Activation, method: str, images: int, percentile: float = 99.99
) -> tuple[float, float]:
    """Finds a method's range of the first photos; histograms were kept after the stops only."""
    if not 1 <= images <= len(activation.minima):
        raise InputError(
            f"{images:,} photos were not calibrated with.",
            f"Choose from 1 to {len(activation.minima):,}.",
        )
    if images in activation.stops:
        counts = activation.histograms[activation.stops.index(images)]
    elif METHODS[method].uses_histograms:
        raise InputError(
            f"No histogram was kept after {images:,} photos.",
            f"Choose from {', '.join(map(str, activation.stops))}.",
        )
    else:
        counts = activation.histograms[-1]
    seen = Observed(
        activation.minima[:images, None],
        activation.maxima[:images, None],
        counts[None],
        np.array([activation.limit]),
    )
    low, high = ranges_of(seen, method, percentile)
    return float(low[0]), float(high[0])


def grid_of(low: float, high: float, bits: int = 8) -> Grid:
    """Returns the asymmetric grid TensorFlow Lite lays over an activation's range."""
    return make_grid(low, high, bits, symmetric=False)


def photo_sqnr(activation: Activation, grid: Grid) -> Floats:
    """Computes kept photos' SQNR in dB, float64 ``(photos,)``, values spread evenly in bins."""
    low, width = activation.edges[:-1, None], np.diff(activation.edges)[:, None]
    values = low + width * (np.arange(_POINTS) + 0.5) / _POINTS
    signal = (values**2).mean(axis=1)
    noise = ((values - grid.round(values)) ** 2).mean(axis=1)
    return np.array(
        [decibels(float(counts @ signal), float(counts @ noise)) for counts in activation.photos]
    )


def clipped_share(activation: Activation, low: float, high: float) -> float:
    """Returns which share of all photos' values, 0-1, a range leaves outside; cut bins in part."""
    counts = activation.histograms[-1]
    edges = np.linspace(-activation.limit, activation.limit, len(counts) + 1)
    # Bins are wider than the data's ends: what the outermost ones hold lies inside those.
    edges = np.clip(edges, activation.minima.min(), activation.maxima.max())
    below = np.concatenate([[0], np.cumsum(counts)])
    under = 0.0 if low <= edges[0] else float(np.interp(low, edges, below))
    up_to = below[-1] if high >= edges[-1] else float(np.interp(high, edges, below))
    return float(1 - (up_to - under) / below[-1])


@lru_cache(maxsize=256)  # a page asks for the same ones at every move of a slider
def measure(
    activation: Activation, method: str, images: int, *, bits: int = 8, percentile: float = 99.99
) -> RangeEffect:
    """Finds a method's range and what it does to all photos."""
    low, high = find_range(activation, method, images, percentile)
    grid = grid_of(low, high, bits)
    photos = photo_sqnr(activation, grid)
    return RangeEffect(
        method=method,
        images=images,
        low=low,
        high=high,
        scale=float(grid.scale[0]),
        zero_point=int(grid.zero_point[0]),
        clipped=clipped_share(activation, low, high),
        typical=float(np.median(photos)),
        hard=float(np.percentile(photos, HARD_SHARE)),
    )


@lru_cache(maxsize=4)
def telling_activation(activations: tuple[Activation, ...]) -> int:
    """Returns the place of the activation that suffers most from more min-max photos."""

    def harm(activation: Activation) -> float:
        early = max(stop for stop in activation.stops if stop <= max(10, activation.stops[0]))
        few, all_of_them = (
            photo_sqnr(activation, grid_of(*find_range(activation, "min_max", n)))
            for n in (early, activation.stops[-1])
        )
        return float(np.median(few) - np.median(all_of_them))

    return max(range(len(activations)), key=lambda place: harm(activations[place]))
