"""The recipe of a mixed file: what stays out of int8, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from effq_core.base.reading import reading
from effq_core.experiment.mixed import Precision

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one mixed file is made by; whoever has the float32 file can make it again.

    Attributes:
        keep: Blocks or layers kept in floats, by name.
        precision: What their weights are stored in.
        method: Calibration method of everything else.
        percentile: Share of values a range holds, in per cent; of method ``percentile`` only.
        suggested: Whether a search chose the blocks.
    """

    keep: tuple[str, ...]
    precision: Precision
    method: str
    percentile: float
    suggested: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns the recipe as plain JSON values."""
        return {**asdict(self), "keep": list(self.keep), "precision": self.precision.value}

    def save(self, folder: Path) -> None:
        """Writes ``recipe.json``."""
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        (folder / RECIPE_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Recipe:
        """Reads what :meth:`save` wrote.

        Args:
            folder: Where it was written.

        Returns:
            The recipe.

        Raises:
            StoreError: If it is missing or damaged.
        """
        with reading("The recipe", folder):
            plain = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
            keep = tuple(str(name) for name in plain["keep"])
            return cls(**{**plain, "keep": keep, "precision": Precision(plain["precision"])})
