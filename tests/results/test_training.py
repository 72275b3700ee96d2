"""What is said of a training: the epoch that ships, and the photos that were not trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.results import load_reference
from effq_core.results.subject import shipped_epoch, shipped_epochs, training_text

ROOT = Path(__file__).resolve().parents[2]


def test_the_epoch_that_ships_is_named_beside_those_that_were_trained() -> None:
    results = load_reference()
    text = training_text(results.variants["int8_qat"])
    assert text == (
        "92 per-channel and 198 per-tensor fake-quant operators; 2 epochs on 5,850 photos "
        "(650 held out), loss labels; epoch 1 of 2 is shipped, the best on the held-out photos"
    )


def test_what_was_trained_of_a_network_is_said() -> None:
    qat = load_reference().variants["int8_qat"]
    for block, said in (("late", "trained in the late blocks"), ("block6a", "from block6a on")):
        training = {**(qat.training or {}), "train_from": block}
        assert said in training_text(replace(qat, training=training))


def test_what_was_not_trained_ships_no_epoch() -> None:
    results = load_reference()
    assert shipped_epoch(results.variants["int8"]) == ""
    untrained = training_text(results.variants["int8_qat_untrained"])
    assert untrained.endswith("ranges calibrated, no training step")
    assert shipped_epochs(results).count("epoch 1 of 2 is shipped") == 2


@pytest.mark.parametrize("document", ["README.md", "docs/results.md"])
def test_what_is_written_of_the_reference_run_names_the_epoch_that_ships(document: str) -> None:
    training = load_reference().variants["int8_qat"].training or {}
    held_out = training["history"][-1]["n"]
    text = " ".join((ROOT / document).read_text("utf-8").split())
    assert f"{training['images']:,} photos" in text and f"{held_out:,} held out" in text
    first = {1: ("epoch 1 ", "first epoch ")}[training["best_epoch"]]
    assert any(each in text for each in first) and "is shipped" in text
