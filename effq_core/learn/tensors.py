"""A few MB of a run's tensors, for teaching: some kernels, and what some activations did."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StoreError
from effq_core.base.files import reading

ARRAYS_FILE = "tensors.npz"
INDEX_FILE = "tensors.json"
FORMAT = 1

_Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Layer:
    """One kernel of the float32 file: batch normalisation is already folded into it."""

    name: str  # the layer's name in the model, such as ``block2a_expand_conv``
    kind: str  # its operator, such as ``CONV_2D``
    shape: tuple[int, ...]  # shape of the kernel in the file
    values: _Array  # weights of the channels kept, float32 ``(kept, weights of a channel)``
    channels: _Array  # which channels those are, int64 ``(kept,)``, rising
    low: _Array  # smallest weight of *every* channel, float32 ``(channels,)``
    high: _Array  # largest weight of every channel, float32 ``(channels,)``

    @property
    def is_whole(self) -> bool:
        """Whether every channel was kept."""
        return len(self.channels) == len(self.low)


@dataclass(frozen=True, eq=False)
class Activation:
    """What one activation did on the calibration photos."""

    name: str  # the layer's name in the model
    kind: str  # the operator that makes it
    shape: tuple[int, ...]  # shape of one photo's
    minima: _Array  # smallest value of each calibration photo, float32 ``(photos,)``
    maxima: _Array  # largest value of each, float32 ``(photos,)``
    # Numbers of photos a histogram was kept after, rising; the last one is all.
    stops: tuple[int, ...]
    histograms: _Array  # counts over ``[-limit, limit]`` after each stop, int64 ``(stops, bins)``
    limit: float  # end of the histograms, a power of two
    edges: _Array  # ends of the bins of ``photos``, float64 ``(bins + 1,)``, finer near 0
    photos: _Array  # counts of single photos, spread evenly over all, int64 ``(some photos, bins)``


@dataclass(frozen=True, eq=False)
class Tensors:
    """What a run keeps for teaching."""

    layers: tuple[Layer, ...]  # kernels, in the order of the graph
    # Activations, in the order of the graph; none where nothing was calibrated.
    activations: tuple[Activation, ...]

    def save(self, folder: Path) -> None:
        """Writes ``tensors.npz`` and ``tensors.json``."""
        arrays: dict[str, _Array] = {}
        for number, layer in enumerate(self.layers):
            peak = _peak(layer)
            arrays |= {
                # As a share of the largest weight: half precision has no room for extremes.
                f"weights_{number}": (layer.values / peak).astype(np.float16),
                f"channels_{number}": layer.channels.astype(np.int32),
                f"low_{number}": layer.low.astype(np.float32),
                f"high_{number}": layer.high.astype(np.float32),
            }
        for number, seen in enumerate(self.activations):
            arrays |= {
                f"minima_{number}": seen.minima.astype(np.float32),
                f"maxima_{number}": seen.maxima.astype(np.float32),
                # What came in from one stop to the next is small, and packs better.
                f"added_{number}": np.diff(seen.histograms, axis=0, prepend=0).astype(np.int32),
                f"edges_{number}": seen.edges.astype(np.float64),
                f"photos_{number}": seen.photos.astype(np.uint16),
            }
        with (folder / ARRAYS_FILE).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        index = {
            "format": FORMAT,
            "layers": [
                {"name": each.name, "kind": each.kind, "shape": list(each.shape)}
                for each in self.layers
            ],
            "activations": [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "shape": list(each.shape),
                    "stops": list(each.stops),
                    "limit": float(each.limit),
                }
                for each in self.activations
            ],
        }
        (folder / INDEX_FILE).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tensors:
        """Reads what :meth:`save` wrote."""
        with reading("The tensors", folder):
            index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
            if index["format"] != FORMAT:
                raise StoreError(
                    f"The tensors in {folder} have format {index['format']}; "
                    f"this EffQ reads format {FORMAT}.",
                    "Run the experiment again, or update EffQ.",
                )
            with np.load(folder / ARRAYS_FILE, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            layers = [_layer(plain, arrays, i) for i, plain in enumerate(index["layers"])]
            seen = [_activation(plain, arrays, i) for i, plain in enumerate(index["activations"])]
        return cls(tuple(layers), tuple(seen))


def _peak(layer: Layer) -> float:
    return float(max(-layer.low.min(), layer.high.max(), np.finfo(np.float32).tiny))


def _layer(plain: dict[str, Any], arrays: dict[str, _Array], number: int) -> Layer:
    low, high = arrays[f"low_{number}"], arrays[f"high_{number}"]
    made = Layer(
        name=str(plain["name"]),
        kind=str(plain["kind"]),
        shape=tuple(int(side) for side in plain["shape"]),
        values=arrays[f"weights_{number}"].astype(np.float32),
        channels=arrays[f"channels_{number}"].astype(np.int64),
        low=low,
        high=high,
    )
    _check(
        made.name,
        low.ndim == 1 and low.shape == high.shape and low.size > 0,
        made.values.ndim == 2 and made.channels.shape == made.values.shape[:1],
        made.values.size > 0 and bool(np.isfinite(made.values).all()),
        bool((low <= high).all() and np.isfinite([low, high]).all()),
        bool((np.diff(made.channels) > 0).all() and made.channels[0] >= 0),
        bool(made.channels[-1] < len(low)),
    )
    made.values[:] *= _peak(made)
    return made


def _activation(plain: dict[str, Any], arrays: dict[str, _Array], number: int) -> Activation:
    made = Activation(
        name=str(plain["name"]),
        kind=str(plain["kind"]),
        shape=tuple(int(side) for side in plain["shape"]),
        minima=arrays[f"minima_{number}"],
        maxima=arrays[f"maxima_{number}"],
        stops=tuple(int(stop) for stop in plain["stops"]),
        histograms=np.cumsum(arrays[f"added_{number}"].astype(np.int64), axis=0),
        limit=float(plain["limit"]),
        edges=arrays[f"edges_{number}"],
        photos=arrays[f"photos_{number}"].astype(np.int64),
    )
    photos = len(made.minima)
    _check(
        made.name,
        made.minima.shape == made.maxima.shape == (photos,) and photos > 0,
        bool((made.minima <= made.maxima).all() and np.isfinite([made.minima, made.maxima]).all()),
        len(made.stops) > 0 and made.stops[-1] == photos,
        made.stops[0] >= 1 and all(np.diff(made.stops) > 0),
        made.histograms.ndim == 2 and len(made.histograms) == len(made.stops),
        bool((made.histograms.sum(axis=1) > 0).all()),
        made.photos.ndim == 2 and len(made.photos) > 0,
        made.edges.shape == (made.photos.shape[1] + 1,),
        bool((np.diff(made.edges) > 0).all() and np.isfinite(made.edges).all()),
        bool(np.isfinite(made.limit)) and made.limit > 0,
    )
    return made


def _check(name: str, *holds: bool) -> None:
    if not all(holds):
        raise ValueError(f"the parts of {name!r} do not fit each other")
