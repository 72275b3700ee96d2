"""Photos that look alike, by local contrast (Jarrett et al., 2009) of 32 × 32 miniatures."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

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


SIDE = 32  # of a miniature, in pixels
ALIKE = 0.9  # least correlation of look-alikes: unrelated photos of Imagenette stay below 0.78
MOST_COMPARED = 40_000  # with as many others: 10 s of processor time and 220 MB
_CANDIDATE = 0.5  # least correlation of candidates at 16 × 16: Imagenette has 12,000 such pairs
_CANDIDATES = 3  # candidates looked at of each photo: bounds the time where all photos are alike
_COARSE = (1.0, 3.0)
_LEVELS = ((1.5, 4.0), (0.5, 2.0))  # blur of what is laid over, and of what is taken out
_NOISE = 5.0  # grey levels of contrast that count as none
_BLANK = 0.3  # largest value of a map that is noise throughout
_RIM = 3  # pixels at the border in which a map of a plain gradient is not zero
_AT_ONCE = 512
Miniatures = npt.NDArray[np.uint8]  # grey, (n, 32, 32)
Nearest = list[tuple[int, float] | None]  # the other's position and their correlation


def miniature(rgb: Image.Image) -> Miniatures:
    """Reduces a photo to what is compared: its centre square, grey, (32, 32)."""
    width, height = rgb.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    square = rgb.resize((SIDE, SIDE), Image.Resampling.HAMMING, box=box, reducing_gap=2.0)
    return np.asarray(square.convert("L"), np.uint8)


def nearest_earlier(photos: Miniatures) -> Nearest:
    """Finds for each photo the one before it that it resembles most."""
    return _nearest(photos, photos, earlier=True)


def nearest_among(photos: Miniatures, others: Miniatures) -> Nearest:
    """Finds for each photo the one in ``others`` that it resembles most, by its position."""
    return _nearest(photos, others, earlier=False)


def _nearest(photos: Miniatures, others: Miniatures, *, earlier: bool) -> Nearest:
    best: Nearest = [None] * len(photos)
    for rows, columns in _candidates(photos, others, earlier=earlier):
        asked, near = photos[rows], others[columns]
        likeness = aligned_correlation(
            [(_normalized(asked, *level), _normalized(near, *level)) for level in _LEVELS]
        )
        for row, column, value in zip(rows, columns, likeness, strict=True):
            known = best[row]
            if value >= ALIKE and (known is None or value > known[1]):
                best[row] = (int(column), float(value))
    return best


def _candidates(
    photos: Miniatures, others: Miniatures, *, earlier: bool
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yields positions of pairs that may be alike, a few hundred at a time."""
    if not len(others):
        return
    known = _coarse(others)
    for start in range(0, len(photos), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        asked = known[block] if earlier else _coarse(photos[block])
        end = start + len(asked) if earlier else len(known)
        likeness = asked @ known[:end].T
        rows = np.arange(len(asked))
        if earlier:
            likeness[rows[:, None] + start <= np.arange(end)] = -1
        for _ in range(_CANDIDATES):
            columns = likeness.argmax(axis=1)
            near = likeness[rows, columns] >= _CANDIDATE
            if not near.any():
                break
            yield rows[near] + start, columns[near]
            likeness[rows, columns] = -1


def _coarse(photos: Miniatures) -> npt.NDArray[np.float32]:
    """Returns vectors (n, 256) whose products are correlations; zeros of a blank photo."""
    found = np.zeros((len(photos), (SIDE // 2) ** 2), np.float32)
    for start in range(0, len(photos), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        maps = _normalized(photos[block], *_COARSE)
        small = maps.reshape(len(maps), SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4))
        flat = small.reshape(len(maps), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        seen = np.abs(maps[:, _RIM:-_RIM, _RIM:-_RIM]).max(axis=(1, 2)) >= _BLANK
        found[block][seen] = (flat / np.maximum(length, 1e-6))[seen]
    return found


def _normalized(photos: Miniatures, fine: float, around: float) -> Maps:
    """Takes out the brightness around each pixel and divides by the contrast around it."""
    grey = photos.astype(np.float32)
    detail = _blurred(grey, fine) - _blurred(grey, around)
    contrast = _blurred(detail * detail, around)
    found: Maps = detail / np.sqrt(contrast + np.float32(_NOISE**2))
    return found


def _blurred(maps: Maps, sigma: float) -> Maps:
    """Blurs each by a Gaussian, whose weights add up to one at the edges, too."""
    places = np.arange(SIDE, dtype=np.float32)
    weights = np.exp(-((places[:, None] - places) ** 2) / np.float32(2 * sigma**2))
    weights /= weights.sum(axis=1, keepdims=True)
    blurred: Maps = weights @ maps @ weights.T
    return blurred
