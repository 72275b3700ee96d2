"""Recipes of mixed files: what stays out of int8, or has fewer bits, and why."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, kw_only=True)
class WidthRecipe(Record):
    """Bits of each layer of one file; whoever has the int8 file can make it again."""

    FILE = RECIPE_FILE
    WHAT = "The recipe"

    widths: Mapping[str, int]  # bits of the weights of each layer that can have few, by its name
    blocks: Mapping[str, float]  # mean bits of a weight of these layers, by block
    rule: str  # rounding rule
    suggested: bool  # whether a search chose the bits
