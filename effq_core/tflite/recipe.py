"""The recipe of a mixed file: what stays out of int8, and why."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.base.plain import Record
from effq_core.experiment.mixed import Precision

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class Recipe(Record):
    """What one mixed file is made by; whoever has the float32 file can make it again."""

    FILE = RECIPE_FILE
    WHAT = "The recipe"

    keep: tuple[str, ...]  # blocks or layers kept in floats, by name
    precision: Precision  # what their weights are stored in
    method: str  # calibration method of everything else
    percentile: float  # share of values a range holds, in per cent; of method ``percentile`` only
    suggested: bool  # whether a search chose the blocks
