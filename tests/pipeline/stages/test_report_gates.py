"""What is wrong with a variant or its samples fails the gate that is about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from effq_core.measure.gates import GATES
from effq_core.pipeline.stages.measure import write_json
from effq_core.results.warnings import About, warnings_of
from effq_core.store.manifest import KERAS_FILE, LOOKALIKES_FILE
from tests.pipeline.stages.report_inputs import CLASSES, V2_B0, Inputs, N, file_report, gates


def lose_fake_quants(inputs: Inputs) -> None:
    inputs.summaries["training:int8_qat"]["fake_quant"]["per_tensor"] = 197


def have_no_fake_quants(inputs: Inputs) -> None:
    inputs.summaries["training:int8_qat"] = {}


def keep_a_float(inputs: Inputs) -> None:
    inputs.variant("int8_qat", file_report("int8_qat", V2_B0, floats=1))


def add_operators(inputs: Inputs) -> None:
    inputs.variant("int8_qat", file_report("int8_qat", {**V2_B0, "MUL": 114}))


def disagree_with_keras(inputs: Inputs) -> None:
    inputs.keras("int8_qat", wrong=5)  # 2.5 %


@pytest.mark.parametrize(
    ("damage", "gate"),
    [
        (lose_fake_quants, "fake_quant_count"),
        (have_no_fake_quants, "fake_quant_count"),
        (keep_a_float, "no_float_tensors"),
        (add_operators, "same_operators"),
        (disagree_with_keras, "keras_vs_tflite"),
    ],
)
def test_a_failed_gate_marks_its_variant_and_is_a_warning(
    inputs: Inputs, damage: Callable[[Inputs], None], gate: str
) -> None:
    damage(inputs)
    results = inputs.report()
    assert [name for name, passed in gates(results, "int8_qat").items() if not passed] == [gate]
    assert all(gates(results, "int8").values())
    (warned,) = [each for each in warnings_of(results) if each.about is About.GATE]
    assert warned.variant == "int8_qat" and GATES[gate].title in warned.text
    assert results["warnings"] == [each.text for each in warnings_of(results)]
    assert "accuracy" in results["variants"]["int8_qat"]


@pytest.mark.parametrize(
    ("variant", "wrong", "passed"),
    [("float32", 1, True), ("float32", 2, False), ("int8_qat", 4, True), ("int8_qat", 5, False)],
)
def test_keras_and_its_file_must_agree_more_closely_without_fake_quant(
    inputs: Inputs, variant: str, wrong: int, passed: bool
) -> None:
    inputs.keras(variant, wrong)
    assert gates(inputs.report(), variant)["keras_vs_tflite"] is passed


def test_outputs_in_another_order_fail_their_variant_and_are_named(inputs: Inputs) -> None:
    order = [0, 1, 5, 3, 4, 2, 6, 7, 8, 9]
    inputs.variant("int8", file_report("int8", V2_B0), inputs.answers[:, order])
    results = inputs.report()
    assert gates(results, "int8")["agreement_with_float32"] is False
    assert all(gates(results, "float32").values()) and all(gates(results, "int8_qat").values())
    (failed,) = [gate for gate in results["variants"]["int8"]["gates"] if not gate["passed"]]
    assert failed["facts"]["same"] == 160
    assert failed["facts"]["order"]["pairs"] == [["class 2", "class 5"]]


def test_labels_in_another_order_fail_float32_and_not_what_is_made_of_it(inputs: Inputs) -> None:
    inputs.labels = np.array([1, 0, *range(2, CLASSES)])[inputs.labels]
    for name in inputs.variants:
        inputs.variant(name, file_report(name, V2_B0))
    results = inputs.report()
    assert gates(results, "float32")["answers_fit_labels"] is False
    (failed,) = [gate for gate in results["variants"]["float32"]["gates"] if not gate["passed"]]
    assert failed["facts"]["order"]["pairs"] == [["class 0", "class 1"]]
    for name in ("int8", "int8_qat"):
        assert all(gates(results, name).values())


def test_keras_may_have_answered_only_the_first_images(inputs: Inputs) -> None:
    np.save(inputs.folders["keras:float32"] / KERAS_FILE, inputs.answers[:50])
    gates_of_float32 = inputs.report()["variants"]["float32"]["gates"]
    numbers = {gate["name"]: (gate["passed"], gate["n"]) for gate in gates_of_float32}
    assert numbers["keras_vs_tflite"] == (True, 50)


@pytest.mark.parametrize(
    ("role", "contents", "gate"),
    [
        ("calibration", [5, 3000, 3001], "calibration_evaluation_disjoint"),
        ("training", [5, 3000, 3001], "training_evaluation_disjoint"),
        ("training", [1005, 3000], "calibration_training_disjoint"),
    ],
)
def test_an_image_in_two_samples_fails_the_run(
    inputs: Inputs, role: str, contents: list[int], gate: str
) -> None:
    inputs.sample(role, contents)
    results = inputs.report()
    assert [(g["name"], g["value"]) for g in results["gates"] if not g["passed"]] == [(gate, 1)]
    (warned,) = warnings_of(results)
    assert warned.about is About.GATE and GATES[gate].title in warned.text


def test_look_alikes_in_two_samples_fail_the_run_and_are_counted(inputs: Inputs) -> None:
    plain = {"compared": N, "evaluation": N, "among": 40, "others": 40}
    pairs = [["a.jpg", "b.jpg", 0.97]] * 3
    compared = [
        {"role": "calibration", "alike": [], **plain},
        {"role": "training", "alike": pairs, **plain},
    ]
    folder = inputs.folders["lookalikes"] = inputs._folder("lookalikes")
    write_json(folder / LOOKALIKES_FILE, compared)
    results = inputs.report()
    found = {g["name"]: (g["passed"], g["value"], g["n"]) for g in results["gates"]}
    assert found["calibration_evaluation_lookalikes"] == (True, 0, N)
    assert found["training_evaluation_lookalikes"] == (False, 3, N)
    (warned,) = warnings_of(results)
    assert warned.about is About.GATE


def test_one_sample_alone_has_nothing_to_overlap_with(inputs: Inputs) -> None:
    inputs.variants = ["float32"]
    del inputs.folders["calibration"], inputs.folders["training"]
    results = inputs.report()
    assert results["gates"] == []
    assert set(results["samples"]) == {"evaluation"}
