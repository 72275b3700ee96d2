"""How calibration images become the ranges of activations."""

from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.setting import Axis, Described, Use, setting

CALIBRATION_SIZES = (10, 2000)


_CALIBRATED = Use(
    variant=lambda variant: variant.needs_calibration,
    why="no chosen variant is calibrated",
    remedy="Add int8",
)
_BY_METHOD = Use(
    variant=lambda variant: variant.uses_method,
    why="no chosen variant takes its ranges from a calibration method",
    remedy="Add int8",
)
_CLIPPED = Use(
    variant=lambda variant: variant.uses_method,
    part=lambda calibration: METHODS[calibration.method].uses_percentile,
    why="only int8 with the calibration method percentile uses it",
    remedy="Choose that method",
)


@dataclass(frozen=True, kw_only=True)
class Calibration(Described):
    """How the representative dataset sets activation ranges."""

    PANEL = "Calibration"

    size: int = setting(
        500, noun="calibration size", title="Calibration photos", help=tip("calibration_size"),
        bounds=CALIBRATION_SIZES, slider=True, step=10, option="--calibration-size",
        key="calibration_size", use=_CALIBRATED,
        axis=Axis(
            name="calibration_sizes", title="calibration sizes",
            words=lambda size: fmt.counted(size, "photo"),
            values=(10, 20, 50, 100, 200, 500, 1000, 2000),
        ),
    )  # fmt: skip
    # The one that measured best on both bundled models: see docs/results.md.
    method: str = setting(
        "percentile", noun="calibration method", title="Calibration method",
        help=tip("calibration_method"),
        choices=lambda: {row.name: row.title for row in METHODS.values()},
        option="--calibration-method", key="calibration_method", use=_BY_METHOD,
        axis=Axis(
            name="methods", title="calibration methods",
            words=lambda method: METHODS[method].title.lower(), option="--method",
        ),
    )  # fmt: skip
    percentile: float = setting(
        99.99, noun="calibration percentile", title="Percentile", help=tip("percentile"), unit="%",
        bounds=(90.0, 100.0), step=0.01, digits=3, option="--percentile", use=_CLIPPED,
    )  # fmt: skip

    @property
    def method_text(self) -> str:
        """The method and what it is set to, such as ``percentile 99.99 %``."""
        return METHODS[self.method].text(self.percentile)
