"""The report, from what the stages before it would have written."""

from __future__ import annotations

import numpy as np

from effq_core.results.warnings import About, Warned, warnings_of
from tests.pipeline.stages.report_inputs import V2_B0, Inputs, N, file_report, gates


def warned(inputs: Inputs) -> tuple[Warned, ...]:
    return warnings_of(inputs.report())


def test_a_sound_run_passes_every_gate_and_warns_of_nothing(inputs: Inputs) -> None:
    results = inputs.report()
    assert gates(results, "float32") == {
        "answers_fit_labels": True,
        "xnnpack_vs_reference": True,
        "keras_vs_tflite": True,
    }
    assert gates(results, "int8") == {
        "agreement_with_float32": True,
        "xnnpack_vs_reference": True,
        "no_float_tensors": True,
    }
    assert gates(results, "int8_qat") == {
        "agreement_with_float32": True,
        "xnnpack_vs_reference": True,
        "keras_vs_tflite": True,
        "no_float_tensors": True,
        "fake_quant_count": True,
        "same_operators": True,
    }
    assert {gate["name"]: gate["passed"] for gate in results["gates"]} == {
        "calibration_training_disjoint": True,
        "calibration_evaluation_disjoint": True,
        "training_evaluation_disjoint": True,
    }
    assert results["warnings"] == []


def test_sizes_are_set_against_float32(inputs: Inputs) -> None:
    variants = inputs.report()["variants"]
    assert [v["compression"] for v in variants.values()] == [1.0, 4.0, 4000 / 1050]
    assert [v["saved_percent"] for v in variants.values()] == [0.0, 75.0, 73.75]


def test_every_variant_but_float32_is_compared_with_float32(inputs: Inputs) -> None:
    answers = inputs.answers.copy()
    answers[:7] = np.roll(answers[:7], 1, axis=1)
    inputs.variant("int8", file_report("int8", V2_B0), answers)
    variants = inputs.report()["variants"]
    assert variants["float32"]["comparison"] is variants["float32"]["sentence"] is None
    comparison = variants["int8"]["comparison"]
    assert (comparison["worse"], comparison["better"], comparison["n"]) == (7, 0, N)
    assert comparison["p"] == 2 * 0.5**7
    assert "int8" in variants["int8"]["sentence"]
    assert variants["int8_qat"]["comparison"]["worse"] == 0


def test_artifacts_are_named_so_that_any_store_finds_them(inputs: Inputs) -> None:
    int8 = inputs.report()["variants"]["int8"]
    assert int8["artifact"] == "file/file-int8"
    assert int8["predictions"] == "evaluate/evaluate-int8"


def test_what_a_reader_must_know_is_a_warning(inputs: Inputs) -> None:
    inputs.summaries["index"]["skipped"] = 1234
    inputs.summaries["evaluation"] |= {"count": 198, "asked": 200, "skipped": [["a", "broken"]]}
    inputs.time("int8", 2, "The machine was busy.")
    inputs.time("int8_qat", 4)
    assert [(each.about, each.variant, each.threads) for each in warned(inputs)] == [
        (About.PHOTOS, "", 0),  # left out when the dataset was scanned
        (About.PHOTOS, "", 0),  # broken
        (About.PHOTOS, "", 0),  # fewer than asked for
        (About.BUSY, "int8", 2),
        (About.THREADS, "int8_qat", 0),
    ]


def test_too_few_images_to_tell_is_a_warning(inputs: Inputs) -> None:
    answers = inputs.answers.copy()
    answers[:4] = np.roll(answers[:4], 1, axis=1)
    inputs.variant("int8", file_report("int8", V2_B0), answers)
    assert [(each.about, each.variant) for each in warned(inputs)] == [(About.FEW, "int8")]


def test_a_float_control_without_qat_is_a_warning(inputs: Inputs) -> None:
    inputs.variants = ["float32", "int8_float_control"]
    inputs.variant("int8_float_control", file_report("int8_float_control", V2_B0))
    (control,) = warned(inputs)
    assert (control.about, control.variant) == (About.CONTROL, "int8_float_control")
