"""Each weight by itself, to the nearest integer."""

from __future__ import annotations

from typing import Any

from effq_core.experiment.rounding_rules import ROUNDING, RoundingRule


def nearest(weights: Any, moments: None, bits: int) -> tuple[Any, Any]:
    """Rounds to nearest, at the scale that holds each output's largest weight."""
    from effq_core.quantize.scales import largest_scales, rounded

    scales = largest_scales(weights, bits)
    return rounded(weights, scales, bits), scales


ROUNDING.register(
    RoundingRule(
        name="nearest",
        title="Nearest",
        summary="Each weight goes to the nearest integer, whatever the others do.",
        rule=nearest,
    )
)
