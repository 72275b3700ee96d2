"""int8 QAT: fine-tuned with fake-quant operators in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner


def plan(planner: Planner, row: Variant) -> None:
    """Adds fine-tuning, its answers in Keras, and the conversion."""
    planner.finetune(row.training, fake_quant=True)
    inputs = {"model": "model", "weights": row.training}
    planner.keras(f"keras:{row.name}", inputs, fake_quant=True, weight=45)
    planner.convert(f"convert:{row.name}", row.training, "qat")


CATALOGUE.register(
    Variant(
        name="int8_qat",
        title="int8 QAT",
        summary="Integers throughout, after fine-tuning with fake-quant operators in the graph.",
        good_for="int8 where PTQ loses accuracy and there are photos to fine-tune on.",
        colour="#d55e00",
        symbol="star",
        weight_bits=8,
        activation_bits=8,
        size_share=0.31,
        ranges=Ranges.FAKE_QUANT,
        is_integer=True,
        plan=plan,
        training="finetune:int8_qat",
        operators_of=PTQ,
        trained=True,
    )
)
