"""What a rounding rule is, and the table of those there are.

Each lies in a folder of ``effq_core/quantize/rounding`` and registers itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from effq_core.base.registry import Registry


@dataclass(frozen=True, kw_only=True)
class RoundingRule:
    """A way to make integers of weights.

    Attributes:
        name: Identifier in files and on the command line.
        title: Name for people.
        summary: What it does, in one line.
        rule: Makes the integers: takes weights ``(outputs, inputs)``, their input's
            :class:`~effq_core.quantize.moments.Moments` (``None`` where ``uses_photos`` is not
            set) and bits; returns integers and the scale of each output.
        uses_photos: Whether it looks at what calibration photos send into a layer.
        reconstructs: Whether blocks of the rounded file are then trained on those photos; what it
            does to a layer alone is another rule's.
    """

    name: str
    title: str
    summary: str
    rule: Callable[[Any, Any, int], tuple[Any, Any]]
    uses_photos: bool = False
    reconstructs: bool = False


ROUNDING: Registry[RoundingRule] = Registry("rounding rule", unique=("title", "summary"))


def rules_of_layers() -> tuple[str, ...]:
    """Names of the rules that are complete with a layer alone."""
    return tuple(row.name for row in ROUNDING.values() if not row.reconstructs)
