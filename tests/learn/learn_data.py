"""Activations whose every value is known."""

from __future__ import annotations

import numpy as np

from effq_core.learn.tensors import Activation, Layer, Tensors
from effq_core.quantize.calibration import HISTOGRAM_BINS

BINS = 512


def activation_of(photos: list[np.ndarray], stops: tuple[int, ...], name: str = "x") -> Activation:
    """Counts values as a run would, each photo among the single ones."""
    limit = 2.0 ** np.ceil(np.log2(max(float(np.abs(p).max()) for p in photos)))
    counts = [np.histogram(p, HISTOGRAM_BINS, (-limit, limit))[0] for p in photos]
    low, high = min(p.min() for p in photos), max(p.max() for p in photos)
    roots = np.linspace(
        *(np.sign(e) * np.sqrt(abs(e)) for e in (min(low, 0), max(high, 0))), BINS + 1
    )
    edges = np.sign(roots) * roots**2
    return Activation(
        name=name,
        kind="ADD",
        shape=(2, 2, photos[0].size // 4),
        minima=np.array([p.min() for p in photos], np.float32),
        maxima=np.array([p.max() for p in photos], np.float32),
        stops=stops,
        histograms=np.stack([np.sum(counts[:stop], axis=0) for stop in stops]),
        limit=float(limit),
        edges=edges,
        photos=np.stack([np.histogram(np.clip(p, edges[0], edges[-1]), edges)[0] for p in photos]),
    )


def calm_and_odd(photos: int = 20, odd: int = 15, size: int = 4000) -> list[np.ndarray]:
    """Photos of standard normal values, one of which is forty times as large."""
    rng = np.random.default_rng(3)
    return [rng.normal(0, 40 if n == odd else 1, size) for n in range(photos)]


def layer_of(values: np.ndarray, name: str = "conv", kind: str = "CONV_2D") -> Layer:
    values = values.astype(np.float32)
    return Layer(
        name=name,
        kind=kind,
        shape=(len(values), 1, 1, values.shape[1]),
        values=values,
        channels=np.arange(len(values)),
        low=values.min(axis=1),
        high=values.max(axis=1),
    )


def uneven_layer(name: str = "conv") -> Layer:
    """Fifteen narrow channels and one fifty times as wide."""
    rng = np.random.default_rng(5)
    widths = np.array([1.0] * 15 + [50.0])
    return layer_of(rng.normal(0, 1, (16, 80)) * widths[:, None], name)


def some_tensors() -> Tensors:
    even = layer_of(np.random.default_rng(6).normal(0, 1, (8, 50)), "even", "DEPTHWISE_CONV_2D")
    calm = [np.random.default_rng(n).normal(0, 1, 400) for n in range(20)]
    return Tensors(
        (even, uneven_layer()),
        (
            activation_of(calm, (1, 2, 5, 10, 20), "calm"),
            activation_of(calm_and_odd(), (1, 2, 5, 10, 20), "odd"),
        ),
    )
