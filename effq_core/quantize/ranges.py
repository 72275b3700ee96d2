"""Three ways to make one range of what an activation did on many photos. Pure numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]


def min_max(minima: _Array, maxima: _Array) -> tuple[_Array, _Array]:
    """Takes the widest range seen.

    Args:
        minima: Each image's smallest value, ``(images, ...)``.
        maxima: Each image's largest value, likewise.

    Returns:
        Ends of the range, ``(...)``.
    """
    return minima.min(axis=0), maxima.max(axis=0)


def moving_average(minima: _Array, maxima: _Array) -> tuple[_Array, _Array]:
    """Takes the mean of each image's range; the order of images plays no part.

    Args:
        minima: Each image's smallest value, ``(images, ...)``.
        maxima: Each image's largest value, likewise.

    Returns:
        Ends of the range, ``(...)``.
    """
    return minima.mean(axis=0), maxima.mean(axis=0)


def percentile(
    histograms: _Array, limits: _Array, minima: _Array, maxima: _Array, share: float
) -> tuple[_Array, _Array]:
    """Takes the range that holds the central share of all values.

    Args:
        histograms: Counts, ``(t, bins)``, over ``[-limits, limits]``.
        limits: ``(t,)``.
        minima: Each image's smallest value, ``(images, t)``.
        maxima: Each image's largest value, likewise.
        share: The central share in per cent, such as 99.99.

    Returns:
        Ends of the range, ``(t,)``.
    """
    tail = (1 - share / 100) / 2
    reached = np.cumsum(histograms, axis=1) / histograms.sum(axis=1, keepdims=True)
    first = np.argmax(reached > tail, axis=1)
    last = np.argmax(reached >= 1 - tail, axis=1)
    width = 2 * limits / histograms.shape[1]
    low, high = first * width - limits, (last + 1) * width - limits
    # Bins are wider than the data's ends: never go beyond what was seen.
    return np.maximum(low, minima.min(axis=0)), np.minimum(high, maxima.max(axis=0))


def with_zero(low: _Array, high: _Array) -> tuple[_Array, _Array]:
    """Widens ranges to hold 0, which must be one of the integers.

    Args:
        low: Lower ends.
        high: Upper ends.

    Returns:
        The ends.
    """
    return np.minimum(low, 0.0), np.maximum(high, 0.0)
