"""GPTQ: each weight makes up for what rounding those before it did to the layer's output."""

from __future__ import annotations

from typing import Any

from effq_core.experiment.rounding_rules import ROUNDING, RoundingRule


def gptq(weights: Any, moments: Any, bits: int) -> tuple[Any, Any]:
    """Rounds by GPTQ, at the scales of least error weighted by the inputs' squares."""
    from effq_core.quantize.rounding.gptq.solve import gptq_integers
    from effq_core.quantize.scales import least_error_scales

    scales = least_error_scales(weights, bits, moments.second.diagonal())
    return gptq_integers(weights, moments.second, scales, bits), scales


ROUNDING.register(
    RoundingRule(
        name="gptq",
        title="GPTQ",
        summary="Each weight makes up for what rounding those before it did to the layer's output.",
        rule=gptq,
        uses_photos=True,
    )
)
