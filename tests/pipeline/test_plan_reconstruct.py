"""Block reconstruction is a stage behind rounding, for every variant that chooses its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.base.settings import Home
from effq_core.experiment.fitted import Fitted
from effq_core.experiment.low_bits import LowBits
from effq_core.pipeline.plan import build_plan
from tests.pipeline.plan_cases import ALL

RECONSTRUCT = LowBits(rounding="reconstruct")


@pytest.mark.parametrize(
    ("variant", "stage"),
    [("int4", "low_bits:round"), ("int2", "low_bits:round"), ("fitted", "low_bits:round_widths")],
)
def test_what_was_rounded_is_reconstructed(variant: str, stage: str, store: Home) -> None:
    asked = replace(ALL, variants=("int8", variant), fitted=Fitted(widths=("block2a=4",)))
    plain, plan = build_plan(asked, store), build_plan(replace(asked, low_bits=RECONSTRUCT), store)
    assert plain[f"convert:{variant}"].stage.id == stage and f"round:{variant}" not in plain
    assert plan[f"round:{variant}"].stage.id == stage
    assert plan[f"round:{variant}"].inputs == plain[f"convert:{variant}"].inputs
    made = plan[f"convert:{variant}"]
    assert made.stage.id == "low_bits:reconstruct"
    assert made.inputs["file"] == f"round:{variant}"
    assert made.inputs["calibration"] == "pixels:calibration"


def test_variants_with_a_rule_of_their_own_are_not_reconstructed(store: Home) -> None:
    asked = replace(ALL, variants=("int8", "int4", "int4_nearest"), low_bits=RECONSTRUCT)
    plan = build_plan(asked, store)
    assert plan["convert:int4_nearest"].stage.id == "low_bits:round"
    assert "reconstruct" not in plan["rounding"].params["rules"]
    assert "gptq" in plan["rounding"].params["rules"]
