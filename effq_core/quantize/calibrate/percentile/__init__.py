"""The range that holds the central share of all values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.calibration_methods import METHODS, CalibrationMethod

if TYPE_CHECKING:
    from effq_core.quantize.ranges import Ends, Observed


def ends(seen: Observed, percentile: float) -> Ends:
    """Leaves out as much at each end; never goes beyond what was seen."""
    import numpy as np

    tail = (1 - percentile / 100) / 2
    counts, limits = seen.histograms, seen.limits
    reached = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    first = np.argmax(reached > tail, axis=1)
    last = np.argmax(reached >= 1 - tail, axis=1)
    width = 2 * limits / counts.shape[1]
    low, high = first * width - limits, (last + 1) * width - limits
    # Bins are wider than the data's ends.
    return np.maximum(low, seen.minima.min(axis=0)), np.minimum(high, seen.maxima.max(axis=0))


METHODS.register(
    CalibrationMethod(
        name="percentile",
        title="Percentile",
        summary="The range that holds a chosen share of all values; the rest is clipped.",
        rule=ends,
        uses_percentile=True,
        uses_histograms=True,
        colour="#7c6fd6",
        symbol="diamond",
        dash="dot",
    )
)
