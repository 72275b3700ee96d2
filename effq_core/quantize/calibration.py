"""Calibration: what activations of the float32 file do on photos, and the ranges made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import StageError
from effq_core.base.reporting import Reporter
from effq_core.quantize.ranges import Observed, ranges_of
from effq_core.runtimes.registry import open_session
from effq_core.runtimes.session import Kernels
from effq_core.tflite.file import read_tflite

Ranges = Mapping[str, tuple[float, float]]  # ends of each tensor; both include 0
HISTOGRAM_BINS = 2048
HISTOGRAM_SAMPLES = 16_384
"""Values a tensor and image gives to the histogram. Larger tensors give every k-th value, so the
percentile is of a systematic sample; extremes are of all values."""

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ActivationStatistics:
    """What every activation did on every calibration image."""

    names: tuple[str, ...]  # tensor names, t of them
    minima: _Array  # float32 ``(images, t)``
    maxima: _Array  # float32 ``(images, t)``
    histograms: _Array  # int64 ``(t, HISTOGRAM_BINS)`` over ``[-limits, limits]``
    limits: _Array  # float64 ``(t,)``, powers of two
    input_name: str

    def save(self, folder: Path) -> None:
        """Writes ``statistics.npz`` and ``tensors.json``."""
        np.savez_compressed(
            folder / "statistics.npz",
            minima=self.minima,
            maxima=self.maxima,
            histograms=self.histograms,
            limits=self.limits,
        )
        tensors = {"names": self.names, "input": self.input_name}
        (folder / "tensors.json").write_text(json.dumps(tensors), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ActivationStatistics:
        """Reads what :meth:`save` wrote."""
        tensors = json.loads((folder / "tensors.json").read_text(encoding="utf-8"))
        with np.load(folder / "statistics.npz") as arrays:
            return cls(
                names=tuple(tensors["names"]), input_name=tensors["input"], **dict(arrays.items())
            )

    def ranges(self, method: str, percentile: float) -> Ranges:
        """Turns statistics into ranges; ``percentile`` in per cent, for the methods that use one.

        The input's is 0-255 whatever the photos held: an RGB value is its own quantized value.
        """
        seen = Observed(self.minima, self.maxima, self.histograms, self.limits)
        low, high = ranges_of(seen, method, percentile)
        ranges = {
            name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)
        }
        ranges[self.input_name] = (0.0, 255.0)
        return ranges


def collect_statistics(
    float32: Path, images: _Array, reporter: Reporter, *, threads: int = 2
) -> ActivationStatistics:
    """Watches every float activation of a file on images, uint8 ``(n, side, side, 3)``, RGB.

    Raises ``StageError`` if one is infinite or not a number; ``Cancelled`` if the user asked to
    stop.
    """
    # A delegate would hide the tensors inside its partition.
    session = open_session(float32, threads=threads, kernels=Kernels.PLAIN, keep_values=True)
    graph, count = read_tflite(float32).main, len(images)
    watched = {*graph.inputs, *graph.makers}
    tensors = [each for each in graph.tensors if each in watched and each.dtype == "FLOAT32"]
    minima = np.empty((count, len(tensors)), np.float32)
    maxima = np.empty((count, len(tensors)), np.float32)
    histograms = [_Histogram() for _ in tensors]
    for n, image in enumerate(images):
        reporter.check_cancelled()
        session.feed(image[None].astype(np.float32))
        session.invoke()
        for t, tensor in enumerate(tensors):
            values = session.value(tensor.index).reshape(-1)
            minima[n, t], maxima[n, t] = values.min(), values.max()
            if not np.isfinite([minima[n, t], maxima[n, t]]).all():
                raise StageError(
                    f"The activation {tensor.name!r} is not a number on calibration image {n}.",
                    "The float model itself overflows: check its weights and its input.",
                )
            stride = -(-values.size // HISTOGRAM_SAMPLES)
            # Another offset for every image, so that no pixel is always left out.
            histograms[t].add(values[n % stride :: stride])
        reporter.progress(n + 1, count)
    return ActivationStatistics(
        names=tuple(tensor.name for tensor in tensors),
        minima=minima,
        maxima=maxima,
        histograms=np.stack([h.counts for h in histograms]),
        limits=np.array([h.limit for h in histograms]),
        input_name=graph.inputs[0].name,
    )


class _Histogram:
    """Counts over ``[-limit, limit]``; the limit doubles, and bins merge, when values exceed it."""

    def __init__(self) -> None:
        self.counts = np.zeros(HISTOGRAM_BINS, np.int64)
        self.limit = 2.0**-10

    def add(self, values: _Array) -> None:
        largest = float(np.abs(values).max(initial=0.0))
        # A value at the very limit would be in the last bin now and in another one after growing.
        while self.limit <= largest:
            # Bins 2k and 2k+1 of the old grid are bin k + a quarter of the new one.
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            quarter = HISTOGRAM_BINS // 4
            self.counts = np.concatenate(
                [np.zeros(quarter, np.int64), merged, np.zeros(quarter, np.int64)]
            )
            self.limit *= 2
        bins = ((values + self.limit) * (HISTOGRAM_BINS / (2 * self.limit))).astype(np.int64)
        bins = np.minimum(bins, HISTOGRAM_BINS - 1)
        self.counts += np.bincount(bins, minlength=HISTOGRAM_BINS)
