"""What blocks are coloured and ranked by: one number a block, with its unit and its direction."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.signal_record import SignalRecord


class Criterion(StrEnum):
    """What a block can be judged by."""

    ONLY = "only"  # divergence of the answers when the block alone is in int8
    GAIN = "gain"  # divergence that goes away when the block alone is kept out of int8
    SQNR = "sqnr"  # signal-to-quantization-noise ratio of what it hands on
    CLIPPED = "clipped"  # share of its activations outside int8's range
    SPREAD = "spread"  # how much wider its widest kernel channel is than the median one


TITLES = {
    Criterion.ONLY: "Effect: this block alone in int8",
    Criterion.GAIN: "Effect: this block alone in floats",
    Criterion.SQNR: "Signal: SQNR at its output",
    Criterion.CLIPPED: "Signal: clipped values",
    Criterion.SPREAD: "Weights: range spread",
}
_EFFECTS = (Criterion.ONLY, Criterion.GAIN)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What colours the blocks."""

    title: str  # with its unit, as the colour bar says it
    values: Mapping[str, float]  # by block; a block without one is drawn grey
    write: Callable[[float], str]  # how a value is written in full, with its unit
    # How it is written under a block: a number as short as can be, without unit.
    brief: Callable[[float], str]
    low_is_bad: bool = False  # whether small values are the ones to worry about

    @property
    def worst(self) -> list[str]:
        """Names of the blocks with a value, the worst first."""
        known = [name for name, value in self.values.items() if not math.isnan(value)]
        return sorted(known, key=self.values.__getitem__, reverse=not self.low_is_bad)


def criteria(signal: SignalRecord | None, effect: EffectRecord | None) -> list[Criterion]:
    """Returns what there is evidence for, the most telling first."""
    return [each for each in Criterion if (effect if each in _EFFECTS else signal) is not None]


def measure(
    criterion: Criterion, signal: SignalRecord | None, effect: EffectRecord | None
) -> Measure:
    """Puts a number on every block that was reached in time."""
    if criterion in _EFFECTS:
        return _effect(criterion, effect)
    blocks = signal.by_block() if signal else ()
    if criterion is Criterion.SQNR:
        return Measure(
            title="SQNR of the block's output, dB",
            # Nothing lost has no place on a scale of decibels.
            values={b.block: b.output_db for b in blocks if math.isfinite(b.output_db)},
            write=fmt.decibels,
            brief=lambda value: fmt.decimals(value, 0),
            low_is_bad=True,
        )
    if criterion is Criterion.CLIPPED:
        return Measure(
            title="Clipped share of its worst activation, %",
            values={b.block: 100 * b.clipped.clipped_share for b in blocks},
            write=lambda value: fmt.percent(value / 100, 3),
            brief=lambda value: fmt.plain(value, 1) if value else "0",
        )
    spreads = {b.block: b.widest.spread for b in blocks if b.widest is not None}
    return Measure(
        title="Widest channel over the median one, ×",
        values={name: value for name, value in spreads.items() if math.isfinite(value)},
        write=fmt.ratio,
        brief=lambda value: fmt.plain(value, 2),
    )


def _effect(criterion: Criterion, effect: EffectRecord | None) -> Measure:
    blocks = effect.blocks if effect else ()
    if effect is None or criterion is Criterion.ONLY:
        title = "KL of this block alone in int8, mnat"
        found = {each.name: each.only_kl for each in blocks}
    else:
        title = "KL removed by keeping it in floats, mnat"
        gains = {each.name: effect.gain(each) for each in blocks}
        found = {name: gain for name, gain in gains.items() if gain is not None}
    values = {name: 1000 * value for name, value in found.items()}
    return Measure(
        title=title, values=values, write=lambda value: fmt.millinats(value / 1000), brief=_short
    )


def _short(value: float) -> str:
    """Writes a number in at most four characters or so, with two figures where it is small."""
    size = abs(value)
    return fmt.decimals(value, 0 if size >= 9.95 else 1 if size >= 0.095 else 2)
