"""What int8 loses and which blocks do it, in plain words. Pure functions."""

from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.layers.effect_record import BlockEffect, EffectKind, EffectRecord

TELLING_SHARE = 2 / 3  # blocks that carry this share of the divergence are said to do it
MOST_NAMED = 4  # more names are a list, not a sentence; then no block is to blame


@dataclass(frozen=True)
class Carriers:
    """The blocks that carry most of the divergence."""

    blocks: tuple[BlockEffect, ...]  # worst first
    share: float  # of the sum of all blocks' own divergences, 0 to 1
    share_is_telling: bool  # whether so few carry so much that they can be said to do it


def carriers(effect: EffectRecord) -> Carriers | None:
    """Finds the few blocks that carry :data:`TELLING_SHARE` of the divergence, if there are."""
    ranked = effect.ranked(EffectKind.BLOCK)
    total = sum(max(0.0, each.only_kl) for each in ranked)
    if total <= 0:
        return None
    carried, taken = 0.0, []
    for each in ranked[:MOST_NAMED]:
        taken.append(each)
        carried += max(0.0, each.only_kl)
        if carried >= TELLING_SHARE * total:
            break
    share = carried / total
    return Carriers(tuple(taken), share, share >= TELLING_SHARE)


def which_blocks(effect: EffectRecord, in_all: int) -> str:
    """Says in one or two sentences which of the network's blocks carry the divergence."""
    found = carriers(effect)
    photos = fmt.counted(effect.images, "calibration photo")
    tried = len(effect.blocks)
    if not tried:
        return "No block was tried before the time ran out."
    blocks = fmt.counted(in_all, "block")
    which = blocks if tried >= in_all else f"{fmt.count(tried)} of {blocks} tried so far"
    if found is None:
        none = "No block" if tried >= in_all else f"None of {which}"
        return f"{none} alone changes the answers to {photos}."
    names = fmt.listed([each.name for each in found.blocks])
    share = fmt.percent(found.share, 0)
    verb = "causes" if len(found.blocks) == 1 else "cause"
    base = f"of the change ({which}, each alone in int8, on {photos})"
    if found.share_is_telling:
        return f"{names} {verb} {share} {base}."
    return f"No single block is to blame: the worst, {names}, {verb} only {share} {base}."


def how_far(effect: EffectRecord) -> str:
    """Says how far int8 moves the answers on the photos watched, with n and the interval."""
    same = effect.baseline_agreement
    return (
        f"All blocks together change the answers by {fmt.millinats(effect.baseline_kl)} of KL; "
        f"{fmt.share_with_interval(same.share, same.low, same.high)} of "
        f"{fmt.counted(effect.images, 'photo')} keep float32's class."
    )
