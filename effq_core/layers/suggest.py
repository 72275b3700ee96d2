"""Looks for the fewest blocks to keep in floats: ranked by effect, then measured, not predicted."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from effq_core.base.intervals import Proportion
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.layers.effect_record import BlockEffect, EffectKind, EffectRecord, heavy_blocks
from effq_core.layers.ledger import TimeUp
from effq_core.layers.trial_record import Suggestion, TrialRecord
from effq_core.layers.trial_wording import describe, is_too_costly
from effq_core.tflite.network import Network

FEW = 3  # blocks that may carry most of the divergence for the blame to lie with single ones

# Bytes a weight takes more than in int8.
_EXTRA_BYTES = {Precision.FLOAT16: 1, Precision.FLOAT32: 3}


class Measure(Protocol):
    """What a search needs of :class:`~effq_core.layers.trials.Bench`."""

    settings: Mixed
    network: Network

    @property
    def seconds(self) -> float:
        """Time so far."""

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All that were measured, in order."""

    def trial(self, keep: tuple[str, ...]) -> TrialRecord:
        """Measures a set; raises :class:`~effq_core.layers.ledger.TimeUp`."""


def suggest(
    bench: Measure,
    effects: EffectRecord,
    *,
    labelled: bool,
    float32_top1: Proportion | None,
    float32_bytes: int,
    int8_bytes: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Suggestion:
    """Looks for the smallest set of blocks that holds the limits, or what comes nearest; Cancelled.

    Sets are beginnings of :func:`orders`. The length doubles until a set holds the limits,
    then halves between the last that did not and the first that did; of what is found, each member
    that is not needed is dropped, the one of least effect first.
    """
    limits, complete = bench.settings, True
    guess = 3 + 2 * len(bench.network.blocks).bit_length()

    def measure(keep: Sequence[str]) -> TrialRecord:
        found = bench.trial(tuple(keep))
        done = len(bench.trials)
        progress(done, max(done + 1, guess))
        return found

    try:
        if not measure(()).ok:
            for order in orders(bench.network, effects, limits, int8_bytes):
                if found := _shortest(order, measure, limits):
                    _without_needless(found, measure, effects)
                    break
    except TimeUp:
        complete = False
    trials = bench.trials
    choice = choose(trials, limits)
    progress(len(trials), len(trials))
    return Suggestion(
        trials=trials,
        chosen=trials.index(choice),
        met=choice.ok,
        labelled=labelled,
        float32_top1=float32_top1,
        float32_bytes=float32_bytes,
        max_drop_points=limits.max_drop_points,
        max_extra_size=limits.max_extra_size,
        max_latency_ratio=limits.max_latency_ratio,
        complete=complete,
        seconds=bench.seconds,
        sentence=describe(trials, choice, labelled=labelled, complete=complete, limits=limits),
    )


def choose(trials: Sequence[TrialRecord], limits: Mixed) -> TrialRecord:
    """Takes the fewest members that hold all limits, or what loses least of what is affordable."""
    if good := [trial for trial in trials if trial.ok]:
        return min(good, key=lambda trial: (len(trial.keep), trial.size_bytes))
    affordable = [trial for trial in trials if not is_too_costly(trial, limits)]
    return min(affordable, key=lambda trial: (trial.drop_points, trial.kl, trial.size_bytes))


def orders(
    network: Network, effects: EffectRecord, limits: Mixed, int8_bytes: int
) -> Iterator[tuple[str, ...]]:
    """Yields the orders to try blocks and layers in, each fitting the size allowed, once."""
    blocks = list(effects.blocks)
    with_layers = {effect.block for effect in effects.effects if effect.kind is EffectKind.LAYER}
    fine = [
        e
        for e in effects.effects
        if e.kind is EffectKind.LAYER or (e.kind is EffectKind.BLOCK and e.name not in with_layers)
    ]
    unknown = [block.name for block in network.blocks if block.name not in effects.by_name]

    def extra(name: str) -> int:
        return _extra_bytes(network, effects, name, limits.precision)

    def a_byte(effect: BlockEffect) -> float:
        return effect.only_kl / max(1, extra(effect.name))

    def ordered(found: list[BlockEffect], worth: Callable[[BlockEffect], float]) -> list[str]:
        return [effect.name for effect in sorted(found, key=worth, reverse=True)]

    groups = list(network.groups)
    by_divergence = ordered(blocks, lambda effect: effect.only_kl) + unknown
    first = [by_divergence, groups + ordered(blocks, a_byte) + unknown]
    by_layer = ordered(fine, a_byte) + unknown
    if len(heavy_blocks({effect.name: effect.only_kl for effect in blocks})) > FEW:
        first.reverse()
        by_layer = groups + by_layer
    given: set[tuple[str, ...]] = set()
    for names in (*first, by_layer):
        room, order = limits.max_extra_size / 100 * int8_bytes, []
        for name in names:
            if (needed := extra(name)) <= room:
                room -= needed
                order.append(name)
        if order and tuple(order) not in given:
            given.add(tuple(order))
            yield tuple(order)


def _extra_bytes(network: Network, effects: EffectRecord, name: str, precision: Precision) -> int:
    if known := effects.by_name.get(name):
        measured = known.extra_float16 if precision is Precision.FLOAT16 else known.extra_float32
        if measured is not None:
            return measured
    tensors = set(network.tensors_of([name]))
    return sum(op.weights for op in network.ops if op.tensor in tensors) * _EXTRA_BYTES[precision]


def _shortest(
    order: tuple[str, ...], measure: Callable[[Sequence[str]], TrialRecord], limits: Mixed
) -> tuple[str, ...]:
    low, high, best = 0, 1, 0  # low loses too much; high holds all, or costs too much
    while True:
        trial = measure(order[:high])
        if trial.ok or is_too_costly(trial, limits):
            best = high if trial.ok else 0
            break
        if high == len(order):
            return ()
        low, high = high, min(2 * high, len(order))
    while high - low > 1:
        middle = (low + high) // 2
        trial = measure(order[:middle])
        if trial.ok:
            high = best = middle
        elif is_too_costly(trial, limits):
            high = middle
        else:
            low = middle
    return order[:best]


def _without_needless(
    found: tuple[str, ...], measure: Callable[[Sequence[str]], TrialRecord], effects: EffectRecord
) -> tuple[str, ...]:
    """Drops members without which a set still holds the limits, those of least effect first."""
    known = effects.by_name
    kept = list(found)
    for name in sorted(found, key=lambda name: known[name].only_kl if name in known else 0.0):
        fewer = [other for other in kept if other != name]
        if fewer and measure(fewer).ok:
            kept = fewer
    return tuple(kept)
