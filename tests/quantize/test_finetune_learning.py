"""What training learns from: its loss, its images, their order, and the epoch it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantized_models import SILENT, small_net

from effq_core.base.errors import DatasetError
from effq_core.experiment import Qat, QatLoss
from effq_core.quantize.finetune import Epoch, FineTuning, best_epoch, predict, resolve_loss
from tests.quantize.finetune_runs import (
    CLASSES,
    IMAGES,
    LABELS,
    SETTINGS,
    student,
    teacher_answers,
    training,
)

epochs = st.builds(
    Epoch,
    epoch=st.just(0),
    loss=st.none(),
    validation_loss=st.sampled_from([0.1, 0.2, 0.3]),
    validation_top1=st.sampled_from([0.5, 0.75, 1.0]),
    n=st.just(4),
)


@given(st.lists(epochs, min_size=2))
def test_the_best_epoch_has_the_highest_top1_then_the_lowest_loss(rows: list[Epoch]) -> None:
    history = [Epoch(i, None, r.validation_loss, r.validation_top1, 4) for i, r in enumerate(rows)]
    best, with_start = best_epoch(history), best_epoch(history, keeps_start=True)
    assert with_start in (history[0], best)
    after = history[1:]
    assert best.epoch > 0
    assert best.validation_top1 == max(row.validation_top1 for row in after)
    equal = [row for row in after if row.validation_top1 == best.validation_top1]
    assert best.validation_loss == min(row.validation_loss for row in equal)
    assert best == next(row for row in equal if row.validation_loss == best.validation_loss)


def test_one_image_is_too_few_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 training images leave none") as caught:
        FineTuning(
            student(fake_quant=False),
            images=IMAGES[:1],
            targets=LABELS[:1],
            truth=LABELS[:1],
            settings=SETTINGS,
            seed=1,
            folder=tmp_path,
            reporter=SILENT,
        )
    assert "larger training size" in caught.value.hint


@pytest.mark.parametrize("fake_quant", [False, True], ids=["float", "fake_quant"])
@pytest.mark.parametrize("targets", [LABELS, teacher_answers()], ids=["labels", "distill"])
def test_training_reduces_the_loss(targets: np.ndarray, fake_quant: bool, tmp_path: Path) -> None:
    settings = Qat(epochs=4, learning_rate=1e-2, batch_size=16, validation_share=0.2)
    history, best = training(
        tmp_path, fake_quant=fake_quant, targets=targets, settings=settings
    ).run()
    losses = [epoch.loss for epoch in history[1:]]
    assert losses[-1] < 0.9 * losses[0]
    assert best.validation_loss < 0.9 * history[0].validation_loss
    assert best.validation_top1 >= history[0].validation_top1


def test_distilling_from_itself_is_already_at_its_goal(tmp_path: Path) -> None:
    settings = Qat(epochs=1, learning_rate=1e-8)
    answers = predict(small_net(), IMAGES, SILENT)
    history, _ = training(tmp_path, targets=answers, settings=settings).run()
    assert history[0].validation_loss == pytest.approx(0, abs=1e-6)
    assert history[0].validation_top1 == 1


def test_the_held_out_images_are_not_trained_on(tmp_path: Path) -> None:
    garbled = LABELS.copy()
    garbled[:12] = (garbled[:12] + 1) % CLASSES
    weights = []
    for i, targets in enumerate((LABELS, garbled)):
        settings = Qat(epochs=1, learning_rate=1e-3, validation_share=0.2)
        tuning = training(tmp_path / str(i), targets=targets, settings=settings)
        history, _ = tuning.run()
        assert history[0].n == 12
        weights.append(tuning.model.get_weights())
    assert all(map(np.array_equal, *weights))


def test_the_seed_decides_the_order_of_images(tmp_path: Path) -> None:
    weights = []
    for i, seed in enumerate((1, 1, 2)):
        tuning = training(tmp_path / str(i), seed=seed)
        tuning.run()
        weights.append(tuning.model.get_weights())
    assert all(map(np.array_equal, weights[0], weights[1]))
    assert not all(map(np.array_equal, weights[0], weights[2]))


@pytest.mark.parametrize(
    ("chosen", "labelled", "whole_head", "expected"),
    [
        (QatLoss.AUTO, True, True, QatLoss.LABELS),
        (QatLoss.AUTO, True, False, QatLoss.DISTILL),
        (QatLoss.AUTO, False, True, QatLoss.DISTILL),
        (QatLoss.AUTO, False, False, QatLoss.DISTILL),
        (QatLoss.LABELS, True, True, QatLoss.LABELS),
        (QatLoss.LABELS, True, False, QatLoss.LABELS),
        (QatLoss.LABELS, False, True, QatLoss.DISTILL),
        (QatLoss.LABELS, False, False, QatLoss.DISTILL),
        (QatLoss.DISTILL, True, True, QatLoss.DISTILL),
        (QatLoss.DISTILL, True, False, QatLoss.DISTILL),
        (QatLoss.DISTILL, False, True, QatLoss.DISTILL),
        (QatLoss.DISTILL, False, False, QatLoss.DISTILL),
    ],
)
def test_labels_are_learned_from_only_where_they_are_and_cover_the_head(
    chosen: QatLoss, labelled: bool, whole_head: bool, expected: QatLoss
) -> None:
    assert resolve_loss(chosen, labelled=labelled, whole_head=whole_head) is expected
