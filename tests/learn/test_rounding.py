"""What rounding does to layers, for the Learn page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StoreError
from effq_core.base.reporting import SilentReporter
from effq_core.experiment.rounding_rules import rules_of_layers
from effq_core.learn.recovery import by_bits
from effq_core.learn.rounding import BITS, RoundingRecord, round_layers, rounding_lesson
from effq_core.quantize.moments import Moments
from effq_core.results import load_reference


@pytest.fixture(scope="module")
def record() -> RoundingRecord:
    random = np.random.default_rng(3)
    kernels, moments = {}, {}
    for place in range(10):
        name = f"net/block{place}_project_conv/Conv2D"
        # Inputs that depend on each other: there is something for GPTQ to make up with.
        inputs = random.normal(0.5, 1, (400, 12)) @ random.normal(0, 1, (12, 40))
        inputs = (inputs + random.normal(0, 0.3, inputs.shape)).astype(np.float32)
        kernels[name] = random.normal(0, 0.1, (9, 40)), random.normal(0, 0.1, 9)
        moments[name] = Moments(inputs.T @ inputs / 400, inputs.mean(axis=0))
    kernels["tiny"], moments["tiny"] = (np.ones((2, 40)), np.zeros(2)), moments[name]
    return round_layers(kernels, moments, 400, rules_of_layers(), SilentReporter())


def test_some_layers_are_kept_from_first_to_last_and_tiny_ones_are_not(
    record: RoundingRecord,
) -> None:
    names = [layer.name for layer in record.layers]
    assert len(names) == 8 and names[0].startswith("block0") and names[-1].startswith("block9")
    for layer in record.layers:
        assert len(layer.rounded) == len(BITS) * len(rules_of_layers())
        assert (layer.inputs, layer.outputs, len(layer.weights)) == (40, 9, 40)


def test_fewer_bits_lose_more_and_gptq_less_than_nearest_by_moving_weights(
    record: RoundingRecord,
) -> None:
    for layer in record.layers:
        for rule in ("nearest", "gptq"):
            errors = [layer.by(bits, rule).error for bits in BITS]
            assert errors == sorted(errors) and errors[0] < 0.01
        assert layer.by(4, "gptq").error < 0.7 * layer.by(4, "nearest").error
        assert layer.by(4, "nearest").moved == 0 < layer.by(4, "gptq").moved
        plain = layer.by(4, "nearest")
        expected = np.clip(np.round(np.array(layer.weights) / plain.scale), -8, 7)
        np.testing.assert_allclose(plain.integers, expected, atol=1)


def test_it_comes_back_as_it_was_saved_and_damage_is_said(
    record: RoundingRecord, tmp_path: Path
) -> None:
    record.save(tmp_path)
    assert RoundingRecord.load(tmp_path) == record
    (tmp_path / RoundingRecord.FILE).write_text("{}")
    with pytest.raises(StoreError, match="What rounding did"):
        RoundingRecord.load(tmp_path)


def test_the_lesson_says_what_decides(record: RoundingRecord) -> None:
    layer = record.layers[0]

    def with_errors(nearest: float, gptq: float) -> str:
        errors = {"nearest": nearest, "gptq": gptq}
        rounded = tuple(replace(e, error=errors.get(e.rule, nearest)) for e in layer.rounded)
        return rounding_lesson(replace(layer, rounded=rounded), 4, "gptq")

    assert "ranges of activations decide" in with_errors(0.001, 0.0005)
    assert with_errors(0.06, 0.01).endswith("Rounding decides.")
    assert with_errors(0.9, 0.2).endswith("Training has to repair the rest.")
    assert "does not help here" in with_errors(0.06, 0.055)


def test_variants_come_from_many_bits_to_few() -> None:
    found = [rung.variant for rung in by_bits(load_reference())]
    assert found[0] == "int8" and {"float16", "dynamic_range"}.isdisjoint(found)


def test_only_rules_that_were_tried_are_offered(record: RoundingRecord) -> None:
    layer = record.layers[0]
    assert list(layer.rules) == [name for name in rules_of_layers() if name != "nearest"]
    few = tuple(each for each in layer.rounded if each.rule != "squant")
    assert list(replace(layer, rounded=few).rules) == ["gptq"]
