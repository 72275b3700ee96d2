"""Which blocks do it, in words, and the numbers blocks are coloured by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from effq_core.base.intervals import proportion
from effq_core.layers.access import find_evidence
from effq_core.layers.effect_record import BlockEffect, EffectKind, EffectRecord
from effq_core.layers.explain import MOST_NAMED, carriers
from effq_core.layers.measures import TITLES, Criterion, criteria, measure
from effq_core.layers.signal_record import SignalRecord

SAME = proportion(190, 200)


def record(divergences: dict[str, float]) -> EffectRecord:
    """A record in which blocks alone in int8 have these divergences, in nats."""
    effects = tuple(
        BlockEffect(
            name=name,
            kind=EffectKind.BLOCK,
            block=name,
            n=200,
            only_kl=kl,
            only_agreement=SAME,
            without_kl=0.1 - kl,
            without_agreement=SAME,
        )
        for name, kl in divergences.items()
    )
    return EffectRecord(
        images=200,
        method="min_max",
        percentile=100.0,
        baseline_kl=0.1,
        baseline_agreement=SAME,
        floats_kl=0.0,
        floats_agreement=proportion(200, 200),
        effects=effects,
        not_reached=(),
        layer_share=0.8,
        seconds=10.0,
        budget_seconds=60.0,
    )


def test_the_fewest_blocks_that_carry_two_thirds_are_named() -> None:
    found = carriers(record({"stem": 0.02, "block1a": 0.05, "block2a": 0.02, "head": 0.01}))
    assert found is not None
    assert [each.name for each in found.blocks] == ["block1a", "stem"]
    assert found.share == pytest.approx(0.7)
    assert found.share_is_telling


def test_of_a_loss_that_is_everywhere_no_block_is_to_blame() -> None:
    found = carriers(record({f"block{n}a": 0.01 for n in range(1, 11)}))
    assert found is not None and not found.share_is_telling
    assert len(found.blocks) == MOST_NAMED and found.share == pytest.approx(0.4)


def test_blocks_that_do_nothing_are_not_blamed() -> None:
    assert carriers(record({"stem": 0.0, "head": 0.0})) is None


@pytest.fixture(scope="module")
def evidence(layered_run: Any) -> tuple[SignalRecord, EffectRecord]:
    found = find_evidence(layered_run.results)
    assert found is not None
    return SignalRecord.load(found.signal), EffectRecord.load(found.effect)


@pytest.mark.parametrize("criterion", Criterion)
def test_every_measure_has_numbers_and_the_worst_is_at_the_bad_end(
    evidence: tuple[SignalRecord, EffectRecord], criterion: Criterion
) -> None:
    signal, effect = evidence
    if criterion is Criterion.GAIN and all(e.without_kl is None for e in effect.blocks):
        effect = replace(
            effect, effects=tuple(replace(e, without_kl=0.001) for e in effect.effects)
        )
    found = measure(criterion, signal, effect)
    assert found.values
    end = min if found.low_is_bad else max
    assert found.values[found.worst[0]] == end(found.values.values())
    assert criterion in TITLES


def test_only_what_there_is_evidence_for_is_offered(
    evidence: tuple[SignalRecord, EffectRecord],
) -> None:
    signal, effect = evidence
    assert criteria(signal, effect) == list(Criterion)
    assert Criterion.ONLY not in criteria(signal, None)
    assert criteria(None, effect) == [Criterion.ONLY, Criterion.GAIN]
    assert criteria(None, None) == []


def test_what_keeping_a_block_takes_off_is_what_is_left_less() -> None:
    found = measure(Criterion.GAIN, None, record({"stem": 0.04}))
    assert found.values["stem"] == pytest.approx(40.0)  # 100 - (100 - 40), in thousandths
    assert found.write(found.values["stem"]) == "40.0 mnat"
    assert [found.brief(value) for value in (0.042, 0.42, 4.2, 42.0)] == [
        "0.04",
        "0.4",
        "4.2",
        "42",
    ]
