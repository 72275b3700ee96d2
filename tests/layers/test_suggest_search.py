"""The search among many sets of blocks, each with a known cost: fewest blocks, best first."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.base.intervals import proportion
from effq_core.experiment.mixed import Mixed
from effq_core.layers.effect_record import BlockEffect, EffectKind, EffectRecord
from effq_core.layers.ledger import TimeUp
from effq_core.layers.suggest import orders, suggest
from effq_core.layers.trial_record import Suggestion, TrialRecord
from effq_core.layers.trial_wording import broken_limits
from effq_core.layers.trials import in_graph_order
from effq_core.tflite.network import Network, read_network
from tests.layers.planted import Made
from tests.layers.suggest_inputs import ROOMY, record


class Table:
    """Measures by adding up what each block costs: many searches, each with a known answer."""

    def __init__(self, network: Network, costs: dict[str, float], limits: Mixed, most: int) -> None:
        self.network, self.settings, self.costs, self.most = network, limits, costs, most
        self.found: dict[tuple[str, ...], TrialRecord] = {}

    seconds = 0.0

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        return tuple(self.found.values())

    def trial(self, keep: tuple[str, ...]) -> TrialRecord:
        keep = in_graph_order(self.network, keep)
        if keep not in self.found:
            if len(self.found) >= self.most:
                raise TimeUp
            drop = sum(cost for name, cost in self.costs.items() if name not in keep)
            plain = record(keep, drop_points=drop, extra_size=2.0 * len(keep))
            why = broken_limits(plain, self.settings, labelled=True)
            self.found[keep] = replace(plain, ok=not why, why=why)
        return self.found[keep]


def effects_of(costs: dict[str, float]) -> EffectRecord:
    """Effects that rank blocks by what they cost."""
    same = proportion(99, 100)
    rows = tuple(
        BlockEffect(
            name=name,
            kind=EffectKind.BLOCK,
            block=name,
            n=100,
            only_kl=cost,
            only_agreement=same,
            extra_float16=20,
            extra_float32=60,
        )
        for name, cost in costs.items()
    )
    return EffectRecord(
        images=100,
        method="min_max",
        percentile=100.0,
        baseline_kl=sum(costs.values()),
        baseline_agreement=same,
        floats_kl=0.0,
        floats_agreement=same,
        effects=rows,
        not_reached=(),
        layer_share=0.8,
        seconds=1.0,
        budget_seconds=600,
    )


def search(planted: Made, costs: list[float], limit: float, most: int = 10_000) -> Suggestion:
    network = read_network(planted.float32)
    named = dict(zip(network.by_name, costs, strict=True))
    limits = Mixed(max_drop_points=limit, max_extra_size=50.0)
    return suggest(
        Table(network, named, limits, most),
        effects_of(named),
        labelled=True,
        float32_top1=proportion(900, 1000),
        float32_bytes=4000,
        int8_bytes=1000,
    )


@settings(max_examples=60, deadline=None)
@given(costs=st.lists(st.integers(0, 40), min_size=7, max_size=7), limit=st.integers(0, 50))
def test_of_costs_that_add_up_the_fewest_blocks_are_found(
    planted: Made, costs: list[int], limit: int
) -> None:
    found = search(planted, [float(cost) for cost in costs], float(limit))
    total, fewest = sum(costs), 0
    for cost in sorted(costs, reverse=True):
        if total <= limit:
            break
        total, fewest = total - cost, fewest + 1
    assert found.met and len(found.choice.keep) == fewest
    assert found.choice in found.trials and found.int8.keep == ()


def test_int8_that_holds_the_limit_keeps_nothing_and_says_so(planted: Made) -> None:
    found = search(planted, [0.1] * 7, 1.0)
    assert found.choice.keep == () and found.met and len(found.trials) == 1
    assert "int8 itself holds the limit" in found.sentence


def test_a_search_that_runs_out_of_time_takes_the_best_it_has_seen(planted: Made) -> None:
    found = search(planted, [8.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0], 0.0, most=3)
    assert not found.complete and not found.met
    assert found.choice.keep == ("stem", "block1a")
    assert "time ran out" in found.sentence


def test_where_the_loss_is_spread_over_all_blocks_the_same_part_of_all_comes_first(
    planted: Made,
) -> None:
    network = read_network(planted.float32)
    for costs, first in (([1.0] * 7, "residuals"), ([9.0, *[0.1] * 6], "stem")):
        effects = effects_of(dict(zip(network.by_name, costs, strict=True)))
        assert next(orders(network, effects, ROOMY, 100_000))[0] == first
