"""Whether two small pictures show the same, aligned by scale and shift (Lucas and Kanade, 1981)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Maps = npt.NDArray[np.float32]  # pictures of one size, (n, side, side)

_STEPS = 4
_MOST_SCALE = 0.12  # largest logarithm of the scale: a crop to 89 %
_MOST_SHIFT = 0.08  # largest shift, as a share of the side
_ONE_STEP = 0.05
_RIDGE = 1e-3  # keeps a picture without any edge from having no solution


def aligned_correlation(levels: Sequence[tuple[Maps, Maps]]) -> npt.NDArray[np.float32]:
    """Correlates pairs of pictures, each laid over the other as well as scale and shift can.

    ``levels`` holds both of each pair, from the most blurred to the sharpest. Returns Pearson's
    correlations of the last level where they overlap; 0 of a blank one.
    """
    a, b = levels[-1]
    placed = np.zeros((len(a), 3), np.float32)
    for one, other in levels:
        placed = _align(one, other, placed)
    moved, inside = _warp(a, placed)
    return _correlation(moved, b, inside)


def _align(a: Maps, b: Maps, placed: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Finds logarithm of scale and shifts (n, 3) that bring ``a`` to ``b`` by Gauss–Newton."""
    n, side, _ = a.shape
    bounds = np.array([_MOST_SCALE, _MOST_SHIFT * side, _MOST_SHIFT * side], np.float32)
    step = np.array([_ONE_STEP, _ONE_STEP * side, _ONE_STEP * side], np.float32)
    place = _places(side)
    found = placed
    slopes = np.empty((n, 5, side, side), np.float32)
    for _ in range(_STEPS):
        moved, inside = _warp(a, found)
        down, right = np.gradient(moved, axis=(1, 2))
        slopes[:, 0] = right * place[None, None, :] + down * place[None, :, None]
        slopes[:, 1], slopes[:, 2] = right, down
        slopes[:, 3], slopes[:, 4] = -b, -1.0  # one may have more contrast, or be brighter
        slopes *= inside[:, None]
        flat = slopes.reshape(n, 5, -1)
        rest = ((b - moved) * inside).reshape(n, -1, 1)
        squares = flat @ flat.transpose(0, 2, 1) + _RIDGE * np.eye(5, dtype=np.float32)
        change = np.linalg.solve(squares, flat @ rest)[:, :3, 0]
        found = np.clip(found + np.clip(change, -step, step), -bounds, bounds)
    return found


def _places(side: int) -> npt.NDArray[np.float32]:
    return np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)


def _warp(maps: Maps, placed: npt.NDArray[np.float32]) -> tuple[Maps, npt.NDArray[np.bool_]]:
    """Scales and shifts each, bilinearly; also says which pixels lay inside the picture."""
    side = maps.shape[1]
    across, down = (
        _places(side) * np.exp(placed[:, :1]) + placed[:, axis : axis + 1] + (side - 1) / 2
        for axis in (1, 2)
    )
    pixels = np.arange(side, dtype=np.float32)
    columns, rows = (
        np.maximum(0, 1 - np.abs(where[:, :, None] - pixels)).astype(np.float32)
        for where in (across, down)
    )
    in_columns, in_rows = ((where >= 0) & (where <= side - 1) for where in (across, down))
    inside = in_rows[:, :, None] & in_columns[:, None, :]
    return rows @ maps @ columns.transpose(0, 2, 1), inside


def _correlation(a: Maps, b: Maps, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    count = inside.sum(axis=(1, 2), keepdims=True)
    a, b = (
        np.where(inside, each - (each * inside).sum(axis=(1, 2), keepdims=True) / count, 0)
        for each in (a, b)
    )
    both = np.sqrt((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)))
    found: npt.NDArray[np.float32] = (a * b).sum(axis=(1, 2)) / np.maximum(both, 1e-6)
    return found
