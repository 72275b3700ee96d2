"""A histogram of values that arrive a piece at a time, over a range nobody knows beforehand."""

from typing import Any

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]

FINE = 1024
"""Bins while counting: four an int8 step, where it starts as an int8 range."""


class GrowingHistogram:
    """Counts in equal bins; for values beyond them, bins merge in pairs and reach twice as far."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._width = low, (high - low) / FINE
        self._counts = np.zeros(FINE, np.int64)

    def add(self, values: _Array, low: float, high: float) -> None:
        """Counts values."""
        while low < self._low:
            self._low -= FINE * self._width
            self._counts = np.concatenate([np.zeros(FINE // 2, np.int64), self._merged()])
            self._width *= 2
        while high > self._low + FINE * self._width:
            self._counts = np.concatenate([self._merged(), np.zeros(FINE // 2, np.int64)])
            self._width *= 2
        bins = ((values.astype(np.float64) - self._low) / self._width).astype(np.int64)
        # The last bin holds its upper end as well; and a last digit may fall below the first.
        np.clip(bins, 0, FINE - 1, out=bins)
        self._counts += np.bincount(bins, minlength=FINE)

    def _merged(self) -> _Array:
        merged: _Array = self._counts.reshape(-1, 2).sum(axis=1)
        return merged

    def over(self, low: float, high: float, most: int) -> tuple[_Array, _Array]:
        """Returns int64 counts of at most ``most`` bins, and float64 ends, one more.

        Bins are whole numbers of fine ones, equally wide, and hold every value counted: the last
        may end a little after ``high``.
        """
        used = np.flatnonzero(self._counts)
        ends = (used[0], used[-1] + 1) if len(used) else (FINE - 1, 0)
        first = int(np.clip(np.floor((low - self._low) / self._width), 0, ends[0]))
        last = int(np.clip(np.ceil((high - self._low) / self._width), max(ends[1], 1), FINE))
        together = -(-(last - first) // most)
        bins = -(-(last - first) // together)
        counts = np.zeros(bins * together, np.int64)
        piece = self._counts[first : first + bins * together]
        counts[: len(piece)] = piece
        edges = self._low + (first + together * np.arange(bins + 1)) * self._width
        return counts.reshape(bins, together).sum(axis=1), edges
