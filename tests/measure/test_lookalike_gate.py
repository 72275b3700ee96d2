"""A photo measured on that looks like one the model was made with fails a gate with a count."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.measure.gate_wording import plainly
from effq_core.measure.lookalike_gate import Comparison, lookalike_gate


def compared(role: str = "training", pairs: int = 0, **fields: Any) -> Comparison:
    alike = tuple((f"bee/image {n}.jpg", f"bee/copy{n}.jpg", 0.97) for n in range(pairs))
    plain = {"compared": 800, "evaluation": 800, "among": 1500, "others": 1500, **fields}
    return Comparison(role=role, alike=alike, **plain)


def test_none_passes() -> None:
    gate = lookalike_gate(compared())
    assert (gate.name, gate.passed) == ("training_evaluation_lookalikes", True)
    assert (gate.value, gate.limit, gate.n) == (0, 0, 800)
    assert gate.detail == "0 of 800 evaluation images look like one for training; none may."


def test_twenty_are_counted_and_a_few_are_named_with_what_to_do() -> None:
    gate = lookalike_gate(compared(pairs=20))
    assert (gate.passed, gate.value, gate.n) == (False, 20, 800)
    assert "20 of 800 evaluation images look like one for training" in gate.detail
    assert "“bee/image 2.jpg” (“bee/copy2.jpg”) and 17 more" in gate.detail
    assert "up to 2.5 points too high" in gate.detail
    assert "--drop-lookalikes" in gate.detail


@pytest.mark.parametrize(
    ("role", "said"),
    [("training", "too high"), ("head", "one for the head"), ("calibration", "Ranges fit")],
)
def test_what_a_look_alike_does_depends_on_what_its_twin_was_for(role: str, said: str) -> None:
    gate = lookalike_gate(compared(role, 1))
    assert not gate.passed and gate.name == f"{role}_evaluation_lookalikes"
    assert said in gate.detail
    assert ("too high" in gate.detail) is (role != "calibration")


def test_names_of_files_stay_as_they_are_where_words_are_rewritten() -> None:
    text = plainly(lookalike_gate(compared(pairs=1)).detail)
    assert "evaluation photos look like" in text
    assert "“bee/image 0.jpg” (“bee/copy0.jpg”)" in text


def test_samples_too_large_to_compare_are_named() -> None:
    gate = lookalike_gate(compared(compared=40_000, evaluation=50_000))
    assert "Compared were 40,000 of 50,000 with 1,500 of 1,500 images." in gate.detail
    assert "Compared" not in lookalike_gate(compared()).detail


def test_a_comparison_survives_json() -> None:
    found = compared("calibration", 2)
    plain = found.to_dict()
    plain["alike"] = [list(each) for each in plain["alike"]]
    assert Comparison.from_dict(plain) == found
