"""SQuant (Guo et al., ICLR 2022): no photos; the errors of an output's weights add up to none."""

from __future__ import annotations

from typing import Any

from effq_core.experiment.rounding_rules import ROUNDING, RoundingRule


def squant(weights: Any, moments: None, bits: int) -> tuple[Any, Any]:
    """Rounds by SQuant, at the scales of least squared error."""
    from effq_core.quantize.rounding.squant.solve import squant_integers
    from effq_core.quantize.scales import least_error_scales

    scales = least_error_scales(weights, bits)
    return squant_integers(weights, scales[:, None], bits), scales


ROUNDING.register(
    RoundingRule(
        name="squant",
        title="SQuant",
        summary="Rounds so that the errors of each output's weights cancel out; needs no photos.",
        rule=squant,
    )
)
