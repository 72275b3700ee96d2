"""Taking the tensors worth showing out of a float32 ``.tflite`` file (runs LiteRT, in a worker)."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.reporting import Reporter
from effq_core.learn.tensors import Activation, Layer
from effq_core.quantize.calibration import HISTOGRAM_BINS, HISTOGRAM_SAMPLES, ActivationStatistics
from effq_core.runtimes.registry import open_session
from effq_core.tflite.file import Tensor, read_tflite
from effq_core.tflite.naming import layer_name
from effq_core.tflite.operators import OperatorKind, OutputScale

LAYERS = 24  # kernels kept, spread over the depth of the graph
LAYER_WEIGHTS = 24_000  # weights kept of a kernel; of larger ones, whole channels are drawn
ACTIVATIONS = 24  # activations kept, one of each stretch of the graph
STOPS = (1, 2, 5, 10, 20, 50, 100, 200)  # photos after which a histogram is kept
PHOTOS = 48  # photos whose own histograms are kept, spread evenly over all
PHOTO_BINS = 512

_SMALLEST = 256  # values or weights; a histogram of fewer shows nothing

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Tensor:
    """A tensor of the file: itself, its shape for one photo, its layer and its operator."""

    itself: Tensor
    shape: tuple[int, ...]
    layer: str
    op: OperatorKind


def read_layers(float32: Path, seed: int = 0) -> tuple[Layer, ...]:
    """Reads some kernels of each kind, spread over the depth; ``ModelError`` for a bad file."""
    rng = np.random.default_rng(seed)
    kernels = [
        kernel for kernel in _tensors(float32, kernels=True) if np.prod(kernel.shape) >= _SMALLEST
    ]
    return tuple(_layer(kernel, rng) for kernel in _spread(kernels))


def _spread(kernels: list[_Tensor]) -> list[_Tensor]:
    by_kind = {
        kind: [k for k in kernels if k.op == kind] for kind in dict.fromkeys(k.op for k in kernels)
    }
    chosen: list[_Tensor] = []
    # The rarest kind first: what it does not use is left to the others.
    for place, kind in enumerate(sorted(by_kind, key=lambda kind: len(by_kind[kind]))):
        room = (LAYERS - len(chosen)) // (len(by_kind) - place)
        chosen += [by_kind[kind][i] for i in _evenly(len(by_kind[kind]), room)]
    return sorted(chosen, key=kernels.index)


def _evenly(count: int, wanted: int) -> list[int]:
    """Returns at most so many of the indices below count, the first and the last among them."""
    wanted = min(count, wanted)
    return [int(i) for i in np.unique(np.linspace(0, count - 1, wanted).round())] if wanted else []


def _layer(kernel: _Tensor, rng: np.random.Generator) -> Layer:
    rows = kernel.op.by_channel(kernel.itself.values)
    keep = max(1, min(len(rows), LAYER_WEIGHTS // rows.shape[1]))
    channels = np.sort(rng.choice(len(rows), keep, replace=False))
    return Layer(
        name=kernel.layer,
        kind=kernel.op.name,
        shape=kernel.shape,
        values=rows[channels],
        channels=channels,
        low=rows.min(axis=1),
        high=rows.max(axis=1),
    )


def watch_activations(
    float32: Path, images: _Array, statistics: ActivationStatistics, reporter: Reporter
) -> tuple[Activation, ...]:
    """Runs some calibration photos, uint8 ``(n, side, side, 3)``, through the float32 file again.

    Of each stretch of the graph the activation whose widest and mean ranges differ most is watched;
    ``statistics`` are of these photos. Raises ``ModelError`` for a bad file, and ``Cancelled``.
    """
    session = open_session(float32, threads=2, keep_values=True)
    place = {name: i for i, name in enumerate(statistics.names)}
    candidates = [
        (tensor, place[tensor.itself.name])
        for tensor in _tensors(float32, kernels=False)
        if tensor.itself.name in place and np.prod(tensor.shape) >= _SMALLEST
    ]
    # Feature maps are what people picture; vectors only where there is nothing else.
    maps = [each for each in candidates if np.prod(each[0].shape[:-1]) > 1]
    chosen = _choose(maps or candidates, statistics)
    total = len(images)
    stops = (*(stop for stop in STOPS if stop < total), total)
    first = stops[-2] if len(stops) > 1 else 0
    single = set(_evenly(total, PHOTOS))
    watchers = [_Watcher(statistics, where) for _, where in chosen]
    wanted = sorted({*range(first), *single})
    for done, n in enumerate(wanted, 1):
        reporter.check_cancelled()
        session.feed(np.asarray(images[n])[None].astype(np.float32))
        session.invoke()
        for watcher, (tensor, _) in zip(watchers, chosen, strict=True):
            values = session.value(tensor.itself.index).reshape(-1)
            stride = -(-values.size // HISTOGRAM_SAMPLES)
            values = values[n % stride :: stride]  # the very values calibration has counted
            if n < first:
                watcher.add(values, snapshot=n + 1 in stops)
            if n in single:
                watcher.add_photo(values)
        reporter.progress(done, len(wanted))
    return tuple(
        Activation(
            name=tensor.layer,
            kind=tensor.op.name,
            shape=tensor.shape,
            minima=statistics.minima[:, where],
            maxima=statistics.maxima[:, where],
            stops=stops,
            histograms=np.stack([*watcher.snapshots, statistics.histograms[where]]),
            limit=float(statistics.limits[where]),
            edges=watcher.edges,
            photos=np.stack(watcher.photos),
        )
        for watcher, (tensor, where) in zip(watchers, chosen, strict=True)
    )


def _choose(
    candidates: list[tuple[_Tensor, int]], statistics: ActivationStatistics
) -> list[tuple[_Tensor, int]]:
    """Takes of each stretch of the graph the activation on which the methods disagree most."""

    def disagreement(candidate: tuple[_Tensor, int]) -> float:
        low, high = statistics.minima[:, candidate[1]], statistics.maxima[:, candidate[1]]
        return float((high.max() - low.min()) / max(high.mean() - low.mean(), 1e-12))

    stretches = np.array_split(np.arange(len(candidates)), min(ACTIVATIONS, len(candidates)) or 1)
    return [
        max((candidates[i] for i in stretch), key=disagreement)
        for stretch in stretches
        if len(stretch)
    ]


class _Watcher:
    """Counts one activation's values in calibration's bins, and single photos' in finer ones."""

    def __init__(self, statistics: ActivationStatistics, where: int) -> None:
        self.limit = float(statistics.limits[where])
        self.counts = np.zeros(HISTOGRAM_BINS, np.int64)
        self.snapshots: list[_Array] = []
        low = min(float(statistics.minima[:, where].min()), 0.0)
        high = max(float(statistics.maxima[:, where].max()), 0.0)
        # Equal steps of the root: narrow bins near 0, where most values are, wide ones far out.
        self.low, self.high = _root(np.array([low, high if high > low else low + 1e-6])).tolist()
        roots = np.linspace(self.low, self.high, PHOTO_BINS + 1)
        self.edges = np.sign(roots) * roots**2
        self.photos: list[_Array] = []

    def add(self, values: _Array, *, snapshot: bool) -> None:
        bins = (values + self.limit) * (HISTOGRAM_BINS / (2 * self.limit))
        self.counts += _count(bins, HISTOGRAM_BINS)
        if snapshot:
            self.snapshots.append(self.counts.copy())

    def add_photo(self, values: _Array) -> None:
        bins = (_root(values) - self.low) * (PHOTO_BINS / (self.high - self.low))
        self.photos.append(_count(bins, PHOTO_BINS))


def _root(values: _Array) -> _Array:
    found: _Array = np.sign(values) * np.sqrt(np.abs(values))
    return found


def _count(bins: _Array, size: int) -> _Array:
    # Other kernels than calibration's may differ in the last digit, and leave the range by it.
    return np.bincount(np.clip(bins, 0, size - 1).astype(np.int64), minlength=size)


def _tensors(float32: Path, *, kernels: bool) -> list[_Tensor]:
    """Lists float kernels, or float activations whose scale is not fixed, in the graph's order."""
    found = []
    for op in read_tflite(float32).main.operators:
        shown = op.kernel if kernels else op.output
        if shown is None or (not kernels and op.kind.output_scale is OutputScale.FIXED):
            continue
        if shown.dtype == "FLOAT32":
            shape = shown.shape if kernels else shown.shape[1:]
            found.append(_Tensor(shown, shape, layer_name(op.output.name), op.kind))
    return _unique(found)


def _unique(tensors: list[_Tensor]) -> list[_Tensor]:
    """Numbers layers that have several tensors of a kind."""
    counts, seen, found = Counter(t.layer for t in tensors), Counter[str](), []
    for tensor in tensors:
        seen[tensor.layer] += 1
        name = tensor.layer
        if counts[name] > 1:
            name = f"{name} {seen[name]}"
        found.append(replace(tensor, layer=name))
    return found
