"""How calibration images become the ranges of activations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.setting import Axis, Described, Use, setting, titles
from effq_core.experiment.variants import Recipe, Variant

CALIBRATION_SIZES = (10, 2000)


class CalibrationMethod(StrEnum):
    """How calibration images become the range of an activation."""

    MIN_MAX = "min_max"
    """The smallest and largest value seen over all images (TensorFlow Lite's rule)."""
    MOVING_AVERAGE = "moving_average"
    """The mean over images of each image's smallest and largest value."""
    PERCENTILE = "percentile"
    """The range that holds a chosen share of all values; the rest is clipped."""


METHODS = titles(CalibrationMethod, "Min-max", "Moving average", "Percentile")
"""Returns the calibration methods there are, with their titles."""


def _ranged(variant: Variant) -> bool:
    # QAT finds its ranges by a moving average, whatever the method.
    return variant.needs_calibration and variant.recipe is not Recipe.QAT


_CALIBRATED = Use(
    variant=lambda variant: variant.needs_calibration,
    why="no chosen variant is calibrated",
    remedy="Add int8",
)
_BY_METHOD = Use(
    variant=_ranged,
    why="no chosen variant takes its ranges from a calibration method",
    remedy="Add int8",
)
_CLIPPED = Use(
    variant=_ranged,
    part=lambda calibration: calibration.method == CalibrationMethod.PERCENTILE,
    why="only int8 with the calibration method percentile uses it",
    remedy="Choose that method",
)


@dataclass(frozen=True, kw_only=True)
class Calibration(Described):
    """How the representative dataset sets activation ranges."""

    PANEL = "Calibration"

    size: int = setting(
        500,
        noun="calibration size",
        title="Calibration photos",
        help=tip("calibration_size"),
        bounds=CALIBRATION_SIZES,
        slider=True,
        step=10,
        option="--calibration-size",
        key="calibration_size",
        use=_CALIBRATED,
        axis=Axis(
            name="calibration_sizes",
            title="calibration sizes",
            words=lambda size: fmt.counted(size, "photo"),
            values=(10, 20, 50, 100, 200, 500, 1000, 2000),
        ),
    )
    # The one that measured best on both bundled models: see docs/results.md.
    method: CalibrationMethod = setting(
        CalibrationMethod.PERCENTILE,
        noun="calibration method",
        title="Calibration method",
        help=tip("calibration_method"),
        choices=METHODS,
        option="--calibration-method",
        key="calibration_method",
        use=_BY_METHOD,
        axis=Axis(
            name="methods",
            title="calibration methods",
            words=lambda method: METHODS()[method].lower(),
            option="--method",
        ),
    )
    percentile: float = setting(
        99.99,
        noun="calibration percentile",
        title="Percentile",
        help=tip("percentile"),
        unit="%",
        bounds=(90.0, 100.0),
        step=0.01,
        digits=3,
        option="--percentile",
        use=_CLIPPED,
    )
