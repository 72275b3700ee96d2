"""The card says what was measured, with what it rests on, and hides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effq_core.base.glossary import tip
from effq_core.deliver.bundle import model_card
from effq_core.results import Results, load_reference, rows
from tests.results.run_variations import changed, unlabelled


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


def test_the_card_has_the_numbers_with_intervals_n_threads_and_hardware(reference) -> None:
    card = model_card(reference, "int8_qat", "reference")

    for fact in (
        "# EfficientNetV2-B0 · Imagenette, int8 QAT",
        "| Size | 6,964 KiB | 22,895 KiB |",
        "| Evaluation photos, n | 1,966 | 1,966 |",
        "| Top-1 (95 % interval) | 88.4 % (86.9–89.7) | 87.6 % (86.1–89.0) |",
        "| Difference in top-1 (95 % interval) | +0.8 points (−0.2 to +1.7 points) | – |",
        "| Median latency, 1 thread (95 % interval) | 6.09 ms (6.02 ms to 6.13 ms) |",
        "| Median latency, 2 threads (95 % interval) | 3.83 ms",
        "100 timed invocations not timed together after 10 to warm up; threads: 1, 2",
        "Intel(R) Xeon(R) Processor (2 hardware threads, avx2",
        "ai-edge-litert 2.3.0",
        "500 photos, percentile 99.99 %",
        "2 epochs, learning rate 1e-5",
        "2 epochs on 5,850 photos (650 held out), loss labels; epoch 1 of 2 is shipped",
        "int8, write RGB − 128",
        "Weights: Imagenette's terms: research, non-commercial.",
        reference.variants["int8_qat"].file.sha256,
        "int8 QAT: too few photos to tell a small loss from none.",
        "exact McNemar p = 0.13",
    ):
        assert fact in card, fact


def test_settings_of_other_variants_are_left_out(reference) -> None:
    card = model_card(reference, "float32")

    for other in ("Calibration", "Fine-tuning", "too few photos", "than float32", "– |"):
        assert other not in card, other


def test_how_weights_are_rounded_is_said_where_they_become_integers(reference) -> None:
    assert f"| Rounding rule | nearest. {tip('rounding')} |" in model_card(reference, "int8")
    assert "Rounding rule" not in model_card(reference, "float16")
    assert {row["variant"]: row["rounding"] for row in rows(reference)}["int8_qat"] == "nearest"


def test_failed_checks_come_first_and_are_named(reference) -> None:
    def fail(plain: dict[str, Any]) -> None:
        gate = plain["variants"]["int8"]["gates"][0]
        gate |= {"passed": False, "detail": "2 of 8 images | differ"}

    card = model_card(changed(reference, fail), "int8")

    gates = len(reference.gates) + len(reference.variants["int8"].gates)
    assert card.index("- Failed checks: Fast and plain kernels agree. See below.") < card.index(
        "## "
    )
    assert f"**1 of {gates} checks FAILED:**" in card
    row = "| Fast and plain kernels agree | this file | **FAILED** | 2 of 8 images \\| differ |"
    assert row in card
    assert not any(name in card for name in ("_vs_", "_disjoint", "no_float", "fake_quant_c"))
    assert "checks passed" not in card


@pytest.mark.parametrize("variant", ["int8", "float32"])
def test_a_busy_machine_is_said_whichever_side_it_was(reference, variant: str) -> None:
    def busy(plain: dict[str, Any]) -> None:
        plain["variants"][variant]["latency"][0] |= {
            "warning": "Other processes used 40 % of it.",
            "others_share": 0.4,
        }

    card = model_card(changed(reference, busy), "int8")
    assert "Other processes used 40 % of it." in card
    assert "| Times faster than float32, 1 thread | 2.74×* (not timed together) |" in card
    assert "was made from a disturbed timing" in card


def test_text_people_chose_cannot_become_markup(reference) -> None:
    def rename(plain: dict[str, Any]) -> None:
        plain["dataset"]["title"] = "My | <script>\n# *photos* [x](y)"

    card = model_card(changed(reference, rename), "int8", "a `run` |")

    assert "My \\| \\<script\\> # \\*photos\\* \\[x\\](y)" in card
    assert 'in the run "a \\`run\\` \\|"' in card
    assert "<script>" not in card


def test_without_labels_only_the_agreement_is_told(reference, tmp_path: Path) -> None:
    plain = unlabelled(reference, tmp_path).plain
    for name, values in plain["variants"].items():
        values["artifact"] = reference.variants[name].artifact
    card = model_card(Results.from_dict(plain, reference.folder), "int8")

    assert "Top-1" not in card and "Difference in top-1" not in card
    assert "Same answer as float32 (95 % interval)" in card
