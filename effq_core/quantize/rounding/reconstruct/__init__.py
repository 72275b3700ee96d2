"""Block reconstruction: GPTQ, then blocks are trained to give what the float model's do."""

from __future__ import annotations

from effq_core.experiment.rounding_rules import ROUNDING, RoundingRule
from effq_core.quantize.rounding.gptq import gptq

ROUNDING.register(
    RoundingRule(
        name="reconstruct",
        title="Block reconstruction",
        summary="After GPTQ, trains each block to give what the float model's gives; no labels.",
        rule=gptq,
        uses_photos=True,
        reconstructs=True,
    )
)
