"""What int8 does to the signal, on many photos: sums that grow, never the tensors themselves."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.base.reporting import Reporter
from effq_core.layers.side_by_side import Both, Pair, Sums, median
from effq_core.layers.signal_record import SignalRecord
from effq_core.layers.signal_tensors import MOST_BINS, KernelSignal, TensorSignal
from effq_core.learn.grids import sqnr
from effq_core.tflite.file import Tensor
from effq_core.tflite.network import Op
from effq_core.tflite.operators import operator_kind

HISTOGRAM_SAMPLES = 16_384  # values a tensor and photo gives a histogram at most, evenly spaced

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float32]


def measure_signal(
    float32: Path, int8: Path, images: _Array, reporter: Reporter, *, threads: int = 1
) -> SignalRecord:
    """Runs both files on photos and compares every activation, and every kernel once.

    ``images``: RGB 0-255, uint8 ``(n, side, side, 3)``. Raises ModelError if a file is unreadable
    or the two do not fit; StageError without a photo, or if a float32 activation is infinite or not
    a number; Cancelled if the user asked to stop.
    """
    if not len(images):
        raise StageError("There is no photo to compare float32 and int8 on.", "Add photos.")
    both = Both(float32, int8, threads=threads)
    watchers = [_Watcher(pair) for pair in both.pairs]
    agreed = 0
    for number, image in enumerate(images):
        reporter.check_cancelled()
        expected, answered = both.run(np.asarray(image))
        agreed += int(expected.argmax()) == int(answered.argmax())
        for watcher in watchers:
            watcher.add(*both.values(watcher.pair), photo=number)
        reporter.progress(number + 1, len(images))
    tensors = tuple(watcher.result() for watcher in watchers)
    kernels = tuple(_kernel(pair.op, *pair.kernels) for pair in both.pairs if pair.kernels)
    return SignalRecord(images=len(images), agreed=agreed, tensors=tensors, kernels=kernels)


class _Watcher:
    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._sums = Sums()
        self._photos: list[float] = []
        self._low, self._high = math.inf, -math.inf
        self._clipped = self._values = 0
        self._histogram: GrowingHistogram | None = None
        # Half a step beyond the end still rounds to it, as every value rounds to the nearest one.
        margin = (pair.scale or 0.0) / 2
        self._limits = pair.low - margin, pair.high + margin

    def add(self, exact: _Floats, rounded: _Floats, *, photo: int) -> None:
        sums = Sums.of(exact, rounded)
        low, high = float(exact.min()), float(exact.max())
        if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(sums.noise.sum())):
            message = f"The activation {self.pair.op.tensor!r} is not a number on photo {photo}."
            hint = "The float model itself overflows: check its weights and its input."
            raise StageError(message, hint)
        self._sums += sums
        self._photos.append(min(sums.sqnr_db, self._channel_db(sums)))
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._values += exact.size
        if low < self._limits[0] or high > self._limits[1]:
            inside = (exact >= self._limits[0]) & (exact <= self._limits[1])
            self._clipped += exact.size - int(np.count_nonzero(inside))
        if self._histogram is None:
            self._histogram = GrowingHistogram(*self._start(low, high))
        stride = -(-exact.size // HISTOGRAM_SAMPLES)
        # Another offset for every photo, so that no pixel or channel is always left out.
        self._histogram.add(exact.reshape(-1)[photo % stride :: stride], low, high)

    def _channel_db(self, sums: Sums) -> float:
        # The ratio of a channel of one value says little: most probabilities are next to nothing.
        return sums.channel_db if self.pair.is_map else sums.sqnr_db

    def _start(self, low: float, high: float) -> tuple[float, float]:
        if self.pair.scale is not None:
            return self.pair.low, self.pair.high
        return low, max(high, low + max(abs(low), 1.0) * 1e-6)

    def result(self) -> TensorSignal:
        assert self._histogram is not None  # noqa: S101 - there is a photo
        pair = self.pair
        ends = self._low, self._high
        if pair.scale is not None:
            ends = min(self._low, pair.low), max(self._high, pair.high)
        histogram, edges = self._histogram.over(*ends, MOST_BINS)
        return TensorSignal(
            tensor=pair.op.tensor,
            layer=pair.op.layer,
            block=pair.op.block,
            kind=pair.op.kind,
            images=len(self._photos),
            sqnr_db=self._sums.sqnr_db,
            typical_db=median(self._photos),
            channel_db=self._channel_db(self._sums),
            cosine=self._sums.cosine,
            low=self._low,
            high=self._high,
            int8_low=pair.low,
            int8_high=pair.high,
            scale=pair.scale,
            zero_point=pair.zero_point,
            clipped_share=self._clipped / self._values,
            histogram=histogram,
            edges=edges,
        )


def _kernel(op: Op, exact: Tensor, stored: Tensor) -> KernelSignal:
    by_channel = operator_kind(op.kind).by_channel
    rows = by_channel(exact.values)
    low, high = rows.min(axis=1), rows.max(axis=1)
    widths = np.maximum(-low, high)
    scales = np.zeros(0, np.float32)
    rounded = by_channel(stored.values).astype(np.float32)
    if stored.dtype == "INT8":
        scales = stored.scales
        rounded = (rounded - stored.zero_points.astype(np.float32)[:, None]) * scales[:, None]
    ends = float(rows.min()), float(rows.max())
    if ends[0] == ends[1]:
        ends = ends[0], ends[1] + max(abs(ends[1]), 1.0) * 1e-6
    histogram, edges = np.histogram(rows, MOST_BINS, ends)
    return KernelSignal(
        tensor=op.tensor,
        layer=op.layer,
        block=op.block,
        kind=op.kind,
        shape=exact.shape,
        low=low,
        high=high,
        scales=scales,
        spread=_spread(widths),
        sqnr_db=sqnr(rows, rounded),
        histogram=histogram.astype(np.int64),
        edges=edges.astype(np.float64),
    )


def _spread(widths: _Array) -> float:
    middle = float(np.median(widths))
    if middle > 0:
        return float(widths.max()) / middle
    return math.inf if widths.max() > 0 else 1.0


FINE = 1024  # bins while counting: four an int8 step, where it starts as an int8 range


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
        """Returns int64 counts of at most ``most`` equal bins, and one more float64 end."""
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
