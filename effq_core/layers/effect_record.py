"""What each block alone in int8, or alone in floats, does to a model's answers. No TensorFlow."""

from dataclasses import dataclass
from enum import StrEnum

from effq_core.base.intervals import Proportion
from effq_core.base.plain import Plain, Record

EFFECT_FILE = "effect.json"
LAYER_SHARE = 0.8  # of the divergence, carried by the blocks whose layers are looked at


class EffectKind(StrEnum):
    """What was put into another precision."""

    BLOCK = "block"
    LAYER = "layer"  # a layer with weights and what follows it up to the next one, inside a block
    GROUP = "group"  # the same part of every block, such as all residual additions


@dataclass(frozen=True, kw_only=True)
class BlockEffect(Plain):
    """What one block, or one layer of a block, does to the model's answers."""

    name: str  # of the block or layer, as ``--keep`` takes it
    kind: EffectKind  # which of both it is
    block: str  # the block it is in; its own name for a block or a group
    n: int  # calibration photos
    # Mean Kullback-Leibler divergence from float32, in nats, with this alone in int8.
    only_kl: float
    only_agreement: Proportion  # photos that get float32's top-1 class then
    # Divergence with all in int8 but this; ``None`` where time was up before.
    without_kl: float | None = None
    without_agreement: Proportion | None = None  # photos that get float32's top-1 class then
    # Bytes the int8 file grows by if this is kept in float16; ``None``: no time, or no room.
    extra_float16: int | None = None
    extra_float32: int | None = None  # the same with kernels in float32


@dataclass(frozen=True, kw_only=True)
class EffectRecord(Record):
    """Every effect that was measured, and what they are set against."""

    FILE = EFFECT_FILE
    WHAT = "The effects"

    images: int  # calibration photos each file answered; the evaluation photos are others
    method: str  # how calibration became ranges
    percentile: float  # share of values a range holds, in per cent; of method ``percentile`` only
    # Divergence of all-int8 from float32, in nats, before the output's own steps.
    baseline_kl: float
    baseline_agreement: Proportion  # photos on which all-int8 gives float32's top-1 class
    # Divergence of a file made the same way, all in floats: what measuring itself adds.
    floats_kl: float
    floats_agreement: Proportion
    effects: tuple[BlockEffect, ...]  # groups, blocks in the order of the graph, then layers
    not_reached: tuple[str, ...]  # blocks and layers that would have been tried had there been time
    # Layers were looked at inside the fewest blocks, worst first, that carry this share of the sum
    # of all blocks' ``only_kl``, 0-1.
    layer_share: float
    seconds: float  # time it took, waits for a restart not counted
    budget_seconds: float  # after which nothing more was begun

    @property
    def complete(self) -> bool:
        """Whether everything was measured within the time."""
        return not self.not_reached and all(e.without_kl is not None for e in self.effects)

    @property
    def by_name(self) -> dict[str, BlockEffect]:
        """Effects by name. Where a block is a single layer of its name, it is the block's."""
        return {effect.name: effect for effect in reversed(self.effects)}

    @property
    def blocks(self) -> tuple[BlockEffect, ...]:
        """Those of whole blocks, in the order of the graph."""
        return tuple(e for e in self.effects if e.kind is EffectKind.BLOCK)

    def ranked(self, kind: EffectKind = EffectKind.BLOCK) -> tuple[BlockEffect, ...]:
        """Orders effects, worst ``only_kl`` first: alone in int8 blocks do not hide others."""
        return tuple(sorted([e for e in self.effects if e.kind is kind], key=lambda e: -e.only_kl))

    def gain(self, effect: BlockEffect) -> float | None:
        """Returns what keeping it alone takes off int8's divergence, in nats; below 0: nothing."""
        return None if effect.without_kl is None else self.baseline_kl - effect.without_kl


def heavy_blocks(only_kl: dict[str, float]) -> tuple[str, ...]:
    """Finds the fewest blocks with :data:`LAYER_SHARE` of all nats of divergence, worst first."""
    total, carried, found = sum(only_kl.values()), 0.0, []
    for name in sorted(only_kl, key=lambda name: -only_kl[name]):
        if carried >= LAYER_SHARE * total:
            break
        carried += only_kl[name]
        found.append(name)
    return tuple(found)
