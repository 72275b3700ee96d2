"""The mean of each photo's range; the order of photos plays no part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.calibration_methods import METHODS, CalibrationMethod

if TYPE_CHECKING:
    from effq_core.quantize.ranges import Ends, Observed


def ends(seen: Observed, percentile: float) -> Ends:
    """Takes the mean over photos of each photo's smallest and largest value."""
    del percentile
    return seen.minima.mean(axis=0), seen.maxima.mean(axis=0)


METHODS.register(
    CalibrationMethod(
        name="moving_average",
        title="Moving average",
        summary="The mean over photos of each photo's own range.",
        rule=ends,
        colour="#2f9e44",
        symbol="circle",
        dash="dash",
    )
)
