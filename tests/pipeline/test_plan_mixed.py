"""A look into the layers and the mixed file: planned where asked for, within its limits."""

from __future__ import annotations

from dataclasses import replace

from effq_core.base.settings import Home
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from tests.pipeline.plan_cases import ALL, changed, descendants


def test_layers_are_looked_into_only_where_that_was_asked(store: Home) -> None:
    few = replace(ALL, variants=("int8",))
    asked = replace(few, layers=Layers(images=20))
    names = {spec.name for spec in build_plan(asked, store)}
    assert names - {spec.name for spec in build_plan(few, store)} == {"signal", "effect"}
    # What was measured before is found again.
    old, new = (fingerprints(build_plan(each, store)) for each in (few, asked))
    assert {name for name in old if old[name] != new[name]} == {"report"}


def test_named_blocks_are_kept_without_a_search(store: Home) -> None:
    plan = build_plan(replace(ALL, mixed=Mixed(keep=("block1a", "stem"))), store)
    assert "suggest" not in plan and "effect" not in plan
    assert plan["convert:int8_mixed"].params["keep"] == ["block1a", "stem"]


def test_a_limit_on_time_belongs_to_a_machine_and_others_do_not(store: Home) -> None:
    timed = build_plan(replace(ALL, mixed=Mixed(max_latency_ratio=1.5)), store)
    assert timed["suggest"].params["host"] == timed["benchmark"].params["host"]
    assert "host" not in build_plan(ALL, store)["suggest"].params


def test_taking_latencies_anew_times_what_a_search_found_by_them_anew(store: Home) -> None:
    timed = replace(ALL, mixed=Mixed(max_latency_ratio=1.5))
    again = changed(store, timed, replace(timed, sitting=1))
    assert again == descendants(build_plan(timed, store), "suggest", "benchmark")
    untimed = changed(store, ALL, replace(ALL, sitting=1))
    assert "benchmark" in untimed and not {"suggest", "convert:int8_mixed"} & untimed


def test_other_limits_change_the_mixed_file_and_no_other(store: Home) -> None:
    found = changed(store, ALL, replace(ALL, mixed=Mixed(max_drop_points=1.0)))
    assert found == descendants(build_plan(ALL, store), "suggest")
