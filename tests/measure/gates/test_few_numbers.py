"""The gates that only compare and count."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StageError
from effq_core.measure.gates import Gate
from effq_core.measure.gates.fake_quant_count import fake_quant_gate
from effq_core.measure.gates.keras_vs_tflite import parity_gate
from effq_core.measure.gates.no_float_tensors import no_float_gate
from effq_core.measure.gates.same_operators import same_operators_gate
from effq_core.runtimes.registry import inspect_file


def outputs(n: int, flipped: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.tile(np.array([0.75, 0.25], np.float32), (n, 1))
    b = a.copy()
    b[:flipped] = b[:flipped, ::-1]
    return a, b


@pytest.mark.parametrize(
    ("n", "flipped", "minimum", "passed"),
    [
        *((200, 1, 0.995, True), (200, 2, 0.995, False)),
        *((100, 2, 0.98, True), (100, 3, 0.98, False)),
        *((8, 1, 0.995, True), (8, 2, 0.98, False)),
    ],
)
def test_agreement_passes_at_its_limit_and_fails_below(
    n: int, flipped: int, minimum: float, passed: bool
) -> None:
    gate = parity_gate(*outputs(n, flipped), minimum)
    assert (gate.name, gate.passed, gate.n, gate.limit) == ("keras_vs_tflite", passed, n, minimum)
    assert gate.value == (n - flipped) / n
    assert gate.facts == {"same": n - flipped, "n": n, "minimum": minimum, "largest": 0.5}
    assert Gate.from_dict(gate.to_dict()) == gate


def test_agreement_needs_the_same_images() -> None:
    with pytest.raises(StageError, match="keras_vs_tflite"):
        parity_gate(np.zeros((2, 3)), np.zeros((3, 3)), 0.9)
    with pytest.raises(StageError, match="keras_vs_tflite"):
        parity_gate(np.zeros((0, 3)), np.zeros((0, 3)), 0.9)


def test_no_float_passes_for_integer_files_only(models: dict[str, Path]) -> None:
    assert no_float_gate(inspect_file(models["int8"])).passed
    failed = no_float_gate(inspect_file(models["dynamic_range"]))
    assert not failed.passed
    assert failed.value > 0
    assert failed.facts is not None and len(failed.facts["named"]) == 3 < failed.value


def test_fake_quant_must_be_there_and_complete() -> None:
    needed = {"per_channel": 91, "per_tensor": 197}
    assert fake_quant_gate(dict(needed), needed).passed
    assert not fake_quant_gate({"per_channel": 91, "per_tensor": 196}, needed).passed
    assert not fake_quant_gate({"per_channel": 92, "per_tensor": 196}, needed).passed
    assert not fake_quant_gate({}, needed).passed
    assert not fake_quant_gate({}, {}).passed
    assert not fake_quant_gate({"per_tensor": 0}, {"per_tensor": 0}).passed
    gate = fake_quant_gate({"per_channel": 0}, needed)
    assert (gate.value, gate.limit) == (0, 288)
    assert gate.facts == {"found": {"per_channel": 0, "per_tensor": 0}, "needed": needed}


def test_the_same_operators_are_demanded(models: dict[str, Path]) -> None:
    int8, uint8 = inspect_file(models["int8"]), inspect_file(models["uint8"])
    assert same_operators_gate(int8, int8).passed
    gate = same_operators_gate(uint8, int8)  # uint8 I/O is converted at both ends
    assert (gate.passed, gate.value) == (False, 2)
    assert gate.facts is not None and gate.facts["missing"] == {"QUANTIZE": 2}
    other = dataclasses.replace(int8, name="other.tflite", ops={**int8.ops, "CONV_2D": 1})
    facts = same_operators_gate(other, int8).facts
    assert facts is not None and facts["extra"] == {"CONV_2D": 2} and not facts["missing"]
