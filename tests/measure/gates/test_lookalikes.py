"""A photo measured on that looks like one the model was made with fails a gate with a count."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.measure.gates.lookalikes import Comparison, lookalike_gate


def compared(role: str = "training", pairs: int = 0, **fields: Any) -> Comparison:
    alike = tuple((f"bee/image {n}.jpg", f"bee/copy{n}.jpg", 0.97) for n in range(pairs))
    plain = {"compared": 800, "evaluation": 800, "among": 1500, "others": 1500, **fields}
    return Comparison(role=role, alike=alike, **plain)


def test_none_passes() -> None:
    gate = lookalike_gate(compared())
    assert (gate.name, gate.passed) == ("training_evaluation_lookalikes", True)
    assert (gate.value, gate.limit, gate.n) == (0, 0, 800)


def test_twenty_are_counted_and_a_few_are_named_with_what_to_do() -> None:
    gate = lookalike_gate(compared(pairs=20))
    assert (gate.passed, gate.value, gate.n) == (False, 20, 800)
    assert gate.facts is not None and gate.facts["count"] == 20
    assert gate.facts["named"][2] == ["bee/image 2.jpg", "bee/copy2.jpg"]
    assert len(gate.facts["named"]) == 3


@pytest.mark.parametrize("role", ["training", "head", "calibration"])
def test_a_look_alike_flatters_unless_its_twin_set_ranges(role: str) -> None:
    gate = lookalike_gate(compared(role, 1))
    assert not gate.passed and gate.name == f"{role}_evaluation_lookalikes"
    assert ("too high" in gate.text) is (role != "calibration")


def test_samples_too_large_to_compare_are_told() -> None:
    gate = lookalike_gate(compared(compared=40_000, evaluation=50_000))
    assert gate.text != lookalike_gate(compared(compared=40_000, evaluation=40_000)).text
    assert gate.facts is not None and gate.facts["compared"] == [40_000, 50_000]


def test_a_comparison_survives_json() -> None:
    found = compared("calibration", 2)
    plain = found.to_dict()
    plain["alike"] = [list(each) for each in plain["alike"]]
    assert Comparison.from_dict(plain) == found
