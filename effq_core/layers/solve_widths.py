"""The bits of each layer that cost least within a size and a time, solved exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Table = Mapping[str, Mapping[int, float]]
"""A number for each layer, by name, and each of its widths, in bits."""
_SLACK = 1e-9
"""Of a limit: sums of floats must not decide."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A sum over layers that must not exceed a number."""

    table: Table
    most: float


def solve_widths(costs: Table, limits: tuple[Limit, ...]) -> dict[str, int] | None:
    """Chooses one width for each layer: the least sum of costs that holds every limit.

    Returns:
        Bits by layer; ``None`` where no choice holds every limit.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    choices = [(name, bits) for name, widths in costs.items() for bits in widths]
    names = list(costs)
    one_each = np.array([[float(name == own) for own, _ in choices] for name in names])
    rows = [np.array([limit.table[name][bits] for name, bits in choices]) for limit in limits]
    constraints = [LinearConstraint(one_each, 1.0, 1.0)]
    for row, limit in zip(rows, limits, strict=True):
        # Bytes and milliseconds in one scale, or the solver's tolerance would swallow one of them.
        scale = np.abs(row).max(initial=0.0) or 1.0
        most = limit.most / scale
        constraints.append(LinearConstraint(row / scale, -np.inf, most + _SLACK * abs(most)))
    objective = np.array([costs[name][bits] for name, bits in choices])
    found = milp(
        objective / (np.abs(objective).max(initial=0.0) or 1.0),
        constraints=constraints,
        integrality=np.ones(len(choices)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None
    return {name: bits for (name, bits), taken in zip(choices, found.x, strict=True) if taken > 0.5}


def total(table: Table, widths: Mapping[str, int]) -> float:
    """Adds a table up over the chosen widths."""
    return sum(table[name][bits] for name, bits in widths.items())
