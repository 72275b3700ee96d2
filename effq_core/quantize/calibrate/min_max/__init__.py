"""The widest range seen: TensorFlow Lite's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.calibration_methods import METHODS, CalibrationMethod

if TYPE_CHECKING:
    from effq_core.quantize.ranges import Ends, Observed


def ends(seen: Observed, percentile: float) -> Ends:
    """Takes the smallest and the largest value over all photos."""
    del percentile
    return seen.minima.min(axis=0), seen.maxima.max(axis=0)


METHODS.register(
    CalibrationMethod(
        name="min_max",
        title="Min-max",
        summary="The widest range seen on any photo, as TensorFlow Lite takes it.",
        rule=ends,
        colour="#d9480f",
        symbol="square",
        dash="solid",
    )
)
