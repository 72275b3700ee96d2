"""What activations did on photos, as calibration methods are told it, and the ranges they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from effq_core.experiment.calibration_methods import METHODS

_Array = np.ndarray[Any, Any]
Ends = tuple[_Array, _Array]  # lower and upper ends, ``(t,)`` each


@dataclass(frozen=True)
class Observed:
    """What t activations did on calibration photos."""

    minima: _Array  # each photo's smallest values, ``(photos, t)``
    maxima: _Array  # each photo's largest values, likewise
    histograms: _Array  # counts of all values, ``(t, bins)``, over ``[-limits, limits]``
    limits: _Array  # ``(t,)``


def ranges_of(seen: Observed, method: str, percentile: float) -> Ends:
    """Makes ranges by a method; they hold 0, which must be one of the integers."""
    low, high = METHODS[method].rule(seen, percentile)
    return np.minimum(low, 0.0), np.maximum(high, 0.0)
