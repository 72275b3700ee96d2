"""What each layer's weights cost at 8, 4 and 2 bits. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from effq_core.base.intervals import Proportion
from effq_core.base.plain import Plain, Record


@dataclass(frozen=True, kw_only=True)
class Width(Plain):
    """One layer with weights of so many bits, all else as in int8."""

    bits: int  # of a weight
    size_bytes: int  # of its weights
    # Mean squared error of the layer's output by the name of a rounding rule, as a share of the
    # output's variance.
    errors: Mapping[str, float]
    # Mean Kullback-Leibler divergence of the answers from float32's, in nats, with this layer alone
    # at so few bits; ``None``: there was no time, or it is int8's own.
    kl: float | None = None
    agreement: Proportion | None = None  # photos that get float32's top-1 class then


@dataclass(frozen=True, kw_only=True)
class LayerWidths(Plain):
    """A layer at each width its weights can have."""

    name: str  # of the layer
    block: str  # it is in
    tensor: str  # name of what it makes, by which files are told apart
    widths: tuple[Width, ...]  # from many bits to few

    @property
    def by_bits(self) -> dict[int, Width]:
        """Its widths by bits."""
        return {width.bits: width for width in self.widths}


@dataclass(frozen=True, kw_only=True)
class WidthRecord(Record):
    """Every layer whose weights can have few bits, at each width."""

    FILE = "widths.json"
    WHAT = "The layers' widths"

    images: int  # calibration photos each file answered; the evaluation photos are others
    rule: str  # rounding rule of the files that answered
    baseline_kl: float  # of the same file with 8 bits everywhere, in nats
    baseline_agreement: Proportion  # likewise
    layers: tuple[LayerWidths, ...]  # in the order they run
    complete: bool  # whether every layer was tried at every width
    seconds: float  # time it took, waits for a restart not counted

    @property
    def by_name(self) -> dict[str, LayerWidths]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}
