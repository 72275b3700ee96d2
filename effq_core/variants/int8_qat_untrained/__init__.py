"""int8 QAT untrained: the control without a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner


def plan(planner: Planner, row: Variant) -> None:
    """Adds the graph with observed ranges, and its conversion."""
    planner.observe(row.training)
    planner.convert(f"convert:{row.name}", row.training, "qat")


CATALOGUE.register(
    Variant(
        name="int8_qat_untrained",
        title="int8 QAT untrained",
        summary="The QAT graph with calibrated ranges and no training step.",
        good_for="A control: what QAT's ranges give before any training.",
        colour="#cc79a7",
        symbol="triangle-down",
        weight_bits=8,
        activation_bits=8,
        size_share=0.31,
        ranges=Ranges.FAKE_QUANT,
        is_integer=True,
        plan=plan,
        training="ranges:int8_qat_untrained",
        operators_of=PTQ,
        explains="what QAT's ranges give without any training, so that int8 QAT can be judged",
        start_of="int8_qat",
    )
)
