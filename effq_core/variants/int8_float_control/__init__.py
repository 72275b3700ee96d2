"""int8 float control: the control without fake-quant while training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.experiment.variants import CATALOGUE, Ranges, Variant

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner

_STEP = "float_control"


def plan(planner: Planner, row: Variant) -> None:
    """Adds fine-tuning in floats, and PTQ of what came of it."""
    planner.finetune(row.training, fake_quant=False)
    planner.freeze(f"freeze:{_STEP}", {"model": "model", "weights": row.training})
    planner.convert(f"convert:{_STEP}", f"freeze:{_STEP}", "float32")
    planner.quantize(row.name, f"convert:{_STEP}", f"calibrate:{_STEP}")


CATALOGUE.register(
    Variant(
        name="int8_float_control",
        title="int8 float control",
        summary="Fine-tuned for the same epochs without fake-quant, then PTQ.",
        good_for="A control: what the extra training alone gives.",
        colour="#56b4e9",
        symbol="cross",
        weight_bits=8,
        activation_bits=8,
        size_share=0.31,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=plan,
        training="finetune:float",
        steps={"float": "float control", _STEP: "float control"},
        trained=True,
        explains="what the extra training gives without quantization-awareness, so that int8 QAT "
        "can be judged",
        beside="int8_qat",
    )
)
