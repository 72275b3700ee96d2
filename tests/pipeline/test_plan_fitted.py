"""Fitted bits: searched where nobody named them, on this machine where time is limited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.fitted import Fitted
from effq_core.pipeline.plan import build_plan
from tests.pipeline.plan_cases import ALL, changed, descendants

FIT = replace(ALL, variants=("int8", "fitted"))


def asked(**values: object) -> Experiment:
    return replace(FIT, fitted=Fitted(**values))


def test_other_limits_look_at_no_layer_again(store: Home) -> None:
    found = changed(store, FIT, asked(max_size=3000))
    assert found == descendants(build_plan(FIT, store), "bounds", "fit")
    assert "widths" not in found and "moments" not in found


def test_named_bits_are_given_without_a_search(store: Home) -> None:
    plan = build_plan(asked(widths=("block2a=4",)), store)
    assert not {"bounds", "widths", "fit"} & {spec.name for spec in plan}
    assert plan["convert:fitted"].params["widths"] == ["block2a=4"]
    with pytest.raises(ModelError, match="no block, layer or group 'block99'"):
        build_plan(asked(widths=("block99=4",)), store)


def test_a_limit_on_time_belongs_to_a_machine_and_others_do_not(store: Home) -> None:
    timed = build_plan(asked(max_slowdown=1.1), store)
    assert timed["fit"].params["host"] == timed["benchmark"].params["host"]
    assert "host" not in build_plan(FIT, store)["fit"].params
    assert timed["fit"].exclusive
