"""Gates have names people can read, each with what it protects against."""

from __future__ import annotations

import pytest

from effq_core.measure.gate_wording import gate_family, gate_purpose, gate_title, plainly
from effq_core.results import load_reference


def test_every_gate_of_a_whole_run_has_a_title_and_a_purpose() -> None:
    results = load_reference()
    names = {gate.name for gate in results.gates}
    names |= {gate.name for variant in results.variants.values() for gate in variant.gates}

    assert len(names) == 8
    # Made before these were: a run of today has them as well.
    for name in names | {"agreement_with_float32", "answers_fit_labels"}:
        assert "_" not in gate_title(name) and gate_title(name) != name.replace("_", " ")
        assert gate_purpose(name).endswith(".")


def test_gates_on_look_alikes_are_one_family() -> None:
    names = [f"{role}_evaluation_lookalikes" for role in ("calibration", "head", "training")]
    assert {gate_family(name) for name in names} == {"lookalikes"}
    assert gate_title(names[1]) == "No evaluation photo looks like one for the head"
    for name in (*names, "lookalikes"):
        assert "_" not in gate_title(name) and gate_purpose(name).endswith(".")


def test_a_gate_of_a_later_version_is_shown_by_its_own_name() -> None:
    assert gate_title("some_new_gate") == "some new gate" and gate_purpose("some_new_gate") == ""


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("7 of 8 images get the same class.", "7 of 8 photos get the same class."),
        ("1 image; imagenet stays.", "1 photo; imagenet stays."),
        ("found: per_channel 92 of 92.", "found: per-channel 92 of 92."),
        (
            "Int8 (PTQ): the gate keras_vs_tflite failed. 3 images.",
            "Int8 (PTQ): the check “The file answers as the Keras model does” failed. 3 photos.",
        ),
        ("2 images: “an image.jpg”.", "2 photos: “an image.jpg”."),
        (
            "The gate training_evaluation_disjoint failed.",
            "The check “No photo is for both training and evaluation” failed.",
        ),
    ],
)
def test_what_a_run_stored_is_shown_in_the_words_of_the_pages(stored: str, shown: str) -> None:
    assert plainly(stored) == shown
