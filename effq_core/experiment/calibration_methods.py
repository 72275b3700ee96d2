"""What a calibration method is, and the table: folders of ``quantize/calibrate`` register."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from effq_core.base.registry import Registry


@dataclass(frozen=True, kw_only=True)
class CalibrationMethod:
    """A way to make one range of what an activation did on many photos."""

    name: str  # identifier in files and on the command line
    title: str  # name for people
    summary: str  # what it does, in one line
    # Makes the ranges: takes :class:`~effq_core.quantize.ranges.Observed` and a percentile, returns
    # lower and upper ends.
    rule: Callable[[Any, float], tuple[Any, Any]]
    uses_percentile: bool = False  # whether the percentile plays a part
    uses_histograms: bool = False  # whether the rule needs them, and not only extremes
    colour: str  # in charts, ``#rrggbb``
    symbol: str  # plotly's marker in charts, so that colour never stands alone
    dash: str  # plotly's line in charts, likewise

    def text(self, percentile: float) -> str:
        """Names the method and what it is set to, such as ``percentile 99.99 %``."""
        share = f" {percentile:g} %" if self.uses_percentile else ""
        return f"{self.title.lower()}{share}"


METHODS: Registry[CalibrationMethod] = Registry(
    "calibration method", unique=("title", "colour", "symbol", "dash")
)
