"""The recipe of a mixed file: what stays out of int8, and why."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.base.plain import Record
from effq_core.experiment.mixed import Precision

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class Recipe(Record):
    """What one mixed file is made by; whoever has the float32 file can make it again.

    Attributes:
        keep: Blocks or layers kept in floats, by name.
        precision: What their weights are stored in.
        method: Calibration method of everything else.
        percentile: Share of values a range holds, in per cent; of method ``percentile`` only.
        suggested: Whether a search chose the blocks.
    """

    FILE = RECIPE_FILE
    WHAT = "The recipe"

    keep: tuple[str, ...]
    precision: Precision
    method: str
    percentile: float
    suggested: bool
