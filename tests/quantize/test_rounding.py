"""Rounding rules: what all are asked, and what GPTQ is for."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.quantize.moments import Moments
from effq_core.quantize.rounding.gptq.solve import gptq_integers
from effq_core.quantize.scales import largest_scales, least_error_scales, rounded
from effq_core.tflite.packing import largest


def layer(outputs: int = 12, inputs: int = 40) -> tuple[np.ndarray, Moments]:
    """Weights, and inputs that go together as those of neighbouring channels do."""
    random = np.random.default_rng(7)
    seen = random.normal(0.5, 1, (600, inputs)) @ random.normal(0, 1, (inputs, inputs))
    moments = Moments((seen.T @ seen / 600).astype(np.float32), seen.mean(0).astype(np.float32))
    return random.normal(0, 0.1, (outputs, inputs)), moments


def output_error(
    weights: np.ndarray, integers: np.ndarray, scales: np.ndarray, m: Moments
) -> float:
    wrong = weights - integers * scales[:, None]
    return float(np.einsum("oi,ij,oj->", wrong, m.second, wrong))


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("name", ROUNDING)
def test_a_rule_gives_integers_of_the_bits_asked_for(name: str, bits: int) -> None:
    weights, moments = layer()
    weights[3] = 0
    rule = ROUNDING[name]
    integers, scales = rule.rule(weights, moments if rule.uses_photos else None, bits)
    assert integers.dtype == np.int8 and integers.shape == weights.shape
    assert scales.shape == (len(weights),) and (scales > 0).all()
    assert integers.min() >= -largest(bits) - 1 and integers.max() <= largest(bits)
    assert not integers[3].any(), "zeros stay zeros"
    assert rule.title and rule.summary.endswith(".")


@pytest.mark.parametrize("bits", [4, 2])
def test_gptq_changes_the_output_far_less_than_rounding_to_nearest(bits: int) -> None:
    weights, moments = layer()
    wrong = {
        name: output_error(weights, *ROUNDING[name].rule(weights, moments, bits), moments)
        for name in ("nearest", "gptq")
    }
    assert wrong["gptq"] < 0.5 * wrong["nearest"]


def test_gptq_is_the_same_in_blocks_and_input_by_input() -> None:
    weights, moments = layer(6, 300)
    scales = largest_scales(weights, 4)
    found = gptq_integers(weights, moments.second, scales, 4)
    order = np.argsort(-moments.second.diagonal(), kind="stable")
    hessian = moments.second[np.ix_(order, order)].astype(np.float64)
    hessian[np.diag_indices(300)] += 0.01 * hessian.diagonal().mean()
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    left, plain = weights[:, order].copy(), np.zeros(weights.shape)
    for j in range(300):
        plain[:, order[j]] = np.clip(np.round(left[:, j] / scales), -8, 7)
        error = (left[:, j] - plain[:, order[j]] * scales) / upper[j, j]
        left[:, j:] -= np.outer(error, upper[j, j:])
    np.testing.assert_array_equal(found, plain)


def test_inputs_that_are_always_zero_weigh_nothing() -> None:
    weights, moments = layer()
    second = moments.second.copy()
    second[5, :] = second[:, 5] = 0
    integers = gptq_integers(weights, second, largest_scales(weights, 4), 4)
    assert not integers[:, 5].any()


def test_scales_of_least_error_are_no_worse_than_those_of_the_largest_weight() -> None:
    weights = np.random.default_rng(1).standard_t(3, (8, 64))
    errors = [
        ((weights - rounded(weights, s, 4) * s[:, None]) ** 2).sum(axis=1)
        for s in (least_error_scales(weights, 4), largest_scales(weights, 4))
    ]
    assert (errors[0] <= errors[1]).all() and errors[0].sum() < 0.9 * errors[1].sum()
