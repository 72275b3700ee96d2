"""What int8 does to the signal inside a model: every activation and kernel, against float32's.

A small record (a few hundred KiB for the 268 operators of EfficientNetV2-B0), written by the stage
``signal`` and drawn by the Layers page. Imports no TensorFlow and no LiteRT.

The signal-to-quantization-noise ratio is that of the Learn page and of the literature on
quantization (Nagel et al., *A White Paper on Neural Network Quantization*, 2021; for its use layer
by layer: Lin et al., *Fixed Point Quantization of Deep Convolutional Networks*, 2016)::

    SQNR = 10 log10( sum x^2 / sum (x - x')^2 )   in dB

x is float32's value, x' what int8 has in its place, converted back to a real number. 6 dB are about
one bit. It counts everything lost *up to here*, by this operator and by all before it.
"""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.errors import StoreError

ARRAYS_FILE = "signal.npz"
INDEX_FILE = "signal.json"
FORMAT = 1
MOST_BINS = 128
"""Bins of a histogram, at most; at least half as many, unless all values are equal."""

_Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorSignal:
    """What one operator makes of the photos, in float32 and in int8.

    Attributes:
        tensor: Name of the tensor in the float32 file.
        layer: Name of its layer.
        block: Name of its block.
        kind: Of its operator, such as ``CONV_2D``.
        images: Photos it was watched on.
        sqnr_db: SQNR over all values of all photos together, in dB; ``inf`` where nothing is lost,
            ``-inf`` where float32 has nothing but zeros and int8 has not.
        typical_db: Median over photos of each photo's own SQNR, in dB: a few photos with large
            values rule the sum, not this one.
        cosine: ``sum x x' / sqrt(sum x^2 sum x'^2)`` over all values of all photos, -1 to 1: the
            same direction, whatever the length; 1 where both are nothing but zeros, 0 where one is.
        low: Smallest value float32 had.
        high: Largest value float32 had.
        int8_low: Smallest value int8 can represent: ``scale (-128 - zero_point)``; ``-inf`` where
            the tensor is kept in floats.
        int8_high: Largest one: ``scale (127 - zero_point)``; ``inf`` where it is kept in floats.
        scale: Step of the int8 grid; ``None`` where the tensor is kept in floats.
        zero_point: Integer that stands for 0; ``None`` where the tensor is kept in floats.
        clipped_share: Share of float32's values, 0 to 1, that lie outside the int8 range by more
            than half a step: those an integer of the grid cannot stand for within its rounding.
        histogram: Counts of float32's values, int64 ``(bins,)``, of an evenly spaced choice of them
            in large tensors.
        edges: Ends of its equal bins, float64 ``(bins + 1,)``; they span float32's values and the
            int8 range.
    """

    tensor: str
    layer: str
    block: str
    kind: str
    images: int
    sqnr_db: float
    typical_db: float
    cosine: float
    low: float
    high: float
    int8_low: float
    int8_high: float
    scale: float | None
    zero_point: int | None
    clipped_share: float
    histogram: _Array
    edges: _Array

    @property
    def used_share(self) -> float | None:
        """Share of the int8 range float32's values span, 0 to 1; ``None`` where kept in floats."""
        if self.scale is None:
            return None
        span = min(self.high, self.int8_high) - max(self.low, self.int8_low)
        return max(span, 0.0) / (self.int8_high - self.int8_low)


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelSignal:
    """The weights of one operator, in float32 and in int8.

    Attributes:
        tensor: Name of the tensor its operator makes, as in :class:`TensorSignal`.
        layer: Name of its layer.
        block: Name of its block.
        kind: Of its operator.
        shape: Of the kernel in the file.
        low: Smallest weight of each output channel, float32 ``(channels,)``.
        high: Largest weight of each, float32 ``(channels,)``.
        scales: Step of the int8 grid of each channel, or of all, float32 ``(channels,)`` or
            ``(1,)``; empty where the kernel is kept in floats.
        spread: Largest over median of the channels' largest absolute weights, 1 or more: how much
            a grid for all channels together would lose, and how unlike each other they are (Nagel
            et al., *Data-Free Quantization Through Weight Equalization*, 2019); ``inf`` where
            more than half of the channels are empty.
        sqnr_db: SQNR of the int8 file's weights against float32's, in dB. Where a model was
            trained on after float32 (``int8_qat``), what training changed counts as lost too.
        histogram: Counts of the float32 weights, int64 ``(bins,)``.
        edges: Ends of its equal bins, float64 ``(bins + 1,)``.
    """

    tensor: str
    layer: str
    block: str
    kind: str
    shape: tuple[int, ...]
    low: _Array
    high: _Array
    scales: _Array
    spread: float
    sqnr_db: float
    histogram: _Array
    edges: _Array


@dataclass(frozen=True, kw_only=True)
class BlockSignal:
    """What a block does to the signal.

    Attributes:
        block: Its name.
        input_db: SQNR of what it reads: of the output of the block before; ``inf`` for the first,
            whose photos are the same for both.
        output_db: SQNR of what it hands on: of its last operator's output.
        output: That operator's tensor.
        worst: Its tensor with the lowest SQNR.
        clipped: Its tensor with the largest share of clipped values.
        widest: Its kernel whose channels differ most; ``None`` where it has none.
        coarsest: Its kernel with the lowest SQNR; ``None`` where it has none.
    """

    block: str
    input_db: float
    output_db: float
    output: TensorSignal
    worst: TensorSignal
    clipped: TensorSignal
    widest: KernelSignal | None
    coarsest: KernelSignal | None

    @property
    def lost_db(self) -> float:
        """How much less the output's SQNR is than the input's; negative where it recovers.

        ``inf`` for the first block, unless it loses nothing.
        """
        if self.input_db == self.output_db:
            return 0.0
        return self.input_db - self.output_db


@dataclass(frozen=True, kw_only=True)
class SignalRecord:
    """Every activation and kernel of a model, in float32 and in int8.

    Attributes:
        images: Photos both files were run on: the first of the evaluation sample.
        agreed: How many of them both files put into the same class.
        tensors: One an operator, in the order of the graph.
        kernels: One an operator with weights, in the order of the graph.
    """

    images: int
    agreed: int
    tensors: tuple[TensorSignal, ...]
    kernels: tuple[KernelSignal, ...]

    @property
    def by_tensor(self) -> dict[str, TensorSignal]:
        """Signals by the name of their tensor."""
        return {each.tensor: each for each in self.tensors}

    @property
    def kernel_of(self) -> dict[str, KernelSignal]:
        """Kernels by the name of the tensor their operator makes."""
        return {each.tensor: each for each in self.kernels}

    def by_block(self) -> tuple[BlockSignal, ...]:
        """Sums up each block, in the order of the graph."""
        tensors: dict[str, list[TensorSignal]] = {}
        kernels: dict[str, list[KernelSignal]] = {}
        for tensor in self.tensors:
            tensors.setdefault(tensor.block, []).append(tensor)
        for kernel in self.kernels:
            kernels.setdefault(kernel.block, []).append(kernel)
        found: list[BlockSignal] = []
        for block, members in tensors.items():
            weights = kernels.get(block, [])
            found.append(
                BlockSignal(
                    block=block,
                    input_db=found[-1].output_db if found else math.inf,
                    output_db=members[-1].sqnr_db,
                    output=members[-1],
                    worst=min(members, key=lambda each: each.sqnr_db),
                    clipped=max(members, key=lambda each: each.clipped_share),
                    widest=max(weights, key=lambda each: each.spread, default=None),
                    coarsest=min(weights, key=lambda each: each.sqnr_db, default=None),
                )
            )
        return tuple(found)

    def save(self, folder: Path) -> None:
        """Writes ``signal.npz`` and ``signal.json``.

        Args:
            folder: Where to; exists.
        """
        arrays: dict[str, _Array] = {}
        for name, members in (("tensor", self.tensors), ("kernel", self.kernels)):
            for number, member in enumerate(members):
                for field in _ARRAYS[name]:
                    arrays[f"{name}_{number}_{field}"] = _packed(field, getattr(member, field))
        with (folder / ARRAYS_FILE).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        index = {
            "format": FORMAT,
            "images": self.images,
            "agreed": self.agreed,
            "tensors": [_plain(each, _ARRAYS["tensor"]) for each in self.tensors],
            "kernels": [_plain(each, _ARRAYS["kernel"]) for each in self.kernels],
        }
        text = json.dumps(index, indent=1, allow_nan=False) + "\n"
        (folder / INDEX_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SignalRecord:
        """Reads what :meth:`save` wrote.

        Args:
            folder: Where it was written.

        Returns:
            The record.

        Raises:
            StoreError: If it is missing, damaged or of another format.
        """
        try:
            index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
            if index["format"] != FORMAT:
                raise StoreError(
                    f"The layers' signal in {folder} has format {index['format']}; "
                    f"this EffQ reads format {FORMAT}.",
                    "Run the experiment again, or update EffQ.",
                )
            with np.load(folder / ARRAYS_FILE, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return cls(
                images=int(index["images"]),
                agreed=int(index["agreed"]),
                tensors=tuple(_tensor(each, arrays, i) for i, each in enumerate(index["tensors"])),
                kernels=tuple(_kernel(each, arrays, i) for i, each in enumerate(index["kernels"])),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"The layers' signal in {folder} cannot be read ({type(error).__name__}: {error}).",
                "Delete the entry and run the experiment again: only what is missing is made.",
            ) from error


# What goes into the arrays' file; bins are equal, so the two outer edges tell all of them.
_ARRAYS = {
    "tensor": ("histogram", "edges"),
    "kernel": ("histogram", "edges", "low", "high", "scales"),
}


def _packed(field: str, values: _Array) -> _Array:
    if field == "histogram":
        return values.astype(np.int64)
    return values[[0, -1]].astype(np.float64) if field == "edges" else values.astype(np.float32)


def _plain(member: TensorSignal | KernelSignal, apart: tuple[str, ...]) -> dict[str, Any]:
    """Returns what is not an array as JSON values."""
    found = {}
    for field in fields(member):
        if field.name not in apart:
            value = getattr(member, field.name)
            # JSON has no infinity; as text, every reader's float() knows it.
            infinite = isinstance(value, float) and math.isinf(value)
            found[field.name] = str(value) if infinite else value
    return found


def _histogram(plain: dict[str, Any], arrays: dict[str, _Array], key: str) -> tuple[_Array, _Array]:
    counts, ends = arrays[f"{key}_histogram"], arrays[f"{key}_edges"]
    _check(
        plain["tensor"],
        counts.ndim == 1 and counts.dtype == np.int64 and 0 < counts.size <= MOST_BINS,
        bool((counts >= 0).all()),
        ends.shape == (2,) and bool(np.isfinite(ends).all()) and bool(ends[0] < ends[1]),
    )
    return counts, np.linspace(ends[0], ends[1], len(counts) + 1)


def _tensor(plain: dict[str, Any], arrays: dict[str, _Array], number: int) -> TensorSignal:
    histogram, edges = _histogram(plain, arrays, f"tensor_{number}")
    made = TensorSignal(
        **_names(plain),
        **_numbers(plain),
        images=int(plain["images"]),
        scale=None if plain["scale"] is None else float(plain["scale"]),
        zero_point=None if plain["zero_point"] is None else int(plain["zero_point"]),
        histogram=histogram,
        edges=edges,
    )
    _check(
        made.tensor,
        made.images > 0 and 0 <= made.clipped_share <= 1 and abs(made.cosine) <= 1,
        math.isfinite(made.low) and math.isfinite(made.high) and made.low <= made.high,
        made.int8_low < made.int8_high,
        not (math.isnan(made.sqnr_db) or math.isnan(made.typical_db)),
        (made.scale is None) == (made.zero_point is None),
        made.scale is None or 0 < made.scale < math.inf,
    )
    return made


def _names(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: str(plain[name]) for name in ("tensor", "layer", "block", "kind")}


def _numbers(plain: dict[str, Any]) -> dict[str, Any]:
    names = ("sqnr_db", "typical_db", "cosine", "low", "high", "int8_low", "int8_high")
    return {name: float(plain[name]) for name in (*names, "clipped_share")}


def _kernel(plain: dict[str, Any], arrays: dict[str, _Array], number: int) -> KernelSignal:
    key = f"kernel_{number}"
    histogram, edges = _histogram(plain, arrays, key)
    made = KernelSignal(
        **_names(plain),
        shape=tuple(int(side) for side in plain["shape"]),
        low=arrays[f"{key}_low"],
        high=arrays[f"{key}_high"],
        scales=arrays[f"{key}_scales"],
        spread=float(plain["spread"]),
        sqnr_db=float(plain["sqnr_db"]),
        histogram=histogram,
        edges=edges,
    )
    _check(
        made.tensor,
        made.low.ndim == 1 and made.low.size > 0 and made.low.shape == made.high.shape,
        bool(np.isfinite([made.low, made.high]).all() and (made.low <= made.high).all()),
        made.scales.shape in ((0,), (1,), made.low.shape),
        bool(np.isfinite(made.scales).all() and (made.scales > 0).all()),
        made.spread >= 1 and not math.isnan(made.sqnr_db),
    )
    return made


def _check(name: str, *conditions: bool) -> None:
    if not all(conditions):
        raise ValueError(f"{name!r} does not fit together")
