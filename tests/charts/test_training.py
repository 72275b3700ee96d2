from __future__ import annotations

import pytest

from effq_core.base.intervals import wilson
from effq_core.charts.base import alt_text
from effq_core.charts.training import held_out_accuracy, losses
from effq_core.results import Results


@pytest.fixture
def histories(reference: Results) -> dict:
    return {
        name: reference.variants[name].training["history"]
        for name in ("int8_qat", "int8_float_control")
    }


def test_losses_start_before_training_and_have_a_dashed_twin(histories) -> None:
    held_out, training = losses(histories).data[:2]

    assert list(held_out.x) == [0, 1, 2] and list(training.x) == [1, 2]
    assert list(held_out.y) == [e["validation_loss"] for e in histories["int8_qat"]]
    assert (held_out.line.dash, training.line.dash) == ("solid", "dash")


def test_held_out_accuracy_has_the_interval_of_its_photos(histories) -> None:
    trace = held_out_accuracy(histories).data[0]
    entry = histories["int8_qat"][1]

    low, high = wilson(round(entry["validation_top1"] * entry["n"]), entry["n"])
    assert trace.y[1] == pytest.approx(100 * entry["validation_top1"])
    assert trace.y[1] + trace.error_y.array[1] == pytest.approx(100 * high)
    assert trace.y[1] - trace.error_y.arrayminus[1] == pytest.approx(100 * low)
    assert "n = 650" in trace.hovertext[0]


def test_a_training_that_has_just_begun_can_be_drawn(histories) -> None:
    begun = {"int8_qat": histories["int8_qat"][:1]}

    assert list(losses(begun).data[0].x) == [0]
    assert losses({"int8_qat": []}) is not None
    assert "91.8 %" in alt_text(held_out_accuracy(begun))


def test_without_labels_there_is_no_accuracy_to_draw(histories) -> None:
    unlabelled = {
        name: [{**entry, "validation_top1": None} for entry in history]
        for name, history in histories.items()
    }

    assert held_out_accuracy(unlabelled) is None
    assert len(losses(unlabelled).data) == 4
