"""Batch sizes change no gradient, no step and no answer, only what fits into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from quantized_models import SILENT, V2, Recorder, small_net

from effq_core.base.errors import Cancelled
from effq_core.quantize.finetune import micro_batch, observe_ranges, predict
from effq_core.quantize.qat_scheme import insert_fake_quant
from tests.quantize.finetune_runs import CLASSES, IMAGES, LABELS, N, teacher_answers, training

import tensorflow as tf
import tf_keras as keras


@pytest.mark.parametrize("targets", [LABELS, teacher_answers()], ids=["labels", "distill"])
def test_micro_batches_add_up_to_the_gradient_of_the_whole_batch(
    targets: np.ndarray, tmp_path: Path
) -> None:
    tuning = training(tmp_path, targets=targets)
    tuning._trace()
    batch = np.arange(24)
    for chosen in (batch[:16], batch[16:]):
        tuning._accumulate(IMAGES[chosen], targets[chosen], len(chosen) / 24)
    with tf.GradientTape() as tape:
        answers = tuning.model(IMAGES[batch].astype(np.float32), training=False)
        if targets.ndim == 1:
            each = keras.losses.sparse_categorical_crossentropy(targets[batch], answers)
        else:
            each = keras.losses.kl_divergence(targets[batch], answers)
        loss = tf.reduce_mean(each)
    expected = tape.gradient(loss, tuning.model.trainable_variables)
    largest = max(float(tf.reduce_max(tf.abs(gradient))) for gradient in expected)
    assert largest > 1e-2
    for found, gradient in zip(tuning.sums, expected, strict=True):
        np.testing.assert_allclose(found.numpy(), gradient.numpy(), atol=1e-6 * max(1, largest))


def test_larger_images_come_in_smaller_micro_batches_of_no_more_pixels() -> None:
    assert [micro_batch(side) for side in (32, 224, 225, 320, 448, 600)] == [16, 16, 15, 7, 4, 2]
    assert all(micro_batch(side) * side**2 <= 16 * 224**2 for side in range(224, 601))


def test_a_step_is_adams_and_empties_the_sums(tmp_path: Path) -> None:
    tuning = training(tmp_path)
    before = [v.numpy() for v in tuning.variables]
    tuning._trace()
    tuning._accumulate(IMAGES[:16], LABELS[:16], 1.0)
    gradients = [total.numpy() for total in tuning.sums]
    tuning._apply()
    for old, variable, gradient in zip(before, tuning.variables, gradients, strict=True):
        # Its first step is the learning rate times the sign of the gradient, softened by epsilon.
        step = gradient / (np.abs(gradient) + 1e-7 / np.sqrt(1 - 0.999))
        np.testing.assert_allclose(variable.numpy(), old - 3e-3 * step, atol=1e-6)
    assert not any(total.numpy().any() for total in tuning.sums)


def test_prediction_does_not_depend_on_how_images_are_batched() -> None:
    model, recorder = small_net(), Recorder()
    whole = predict(model, IMAGES, recorder)
    assert whole.shape == (N, CLASSES)
    assert recorder.progressed == [(16, 60), (32, 60), (48, 60), (60, 60)]
    single = np.concatenate([predict(model, image[None], SILENT) for image in IMAGES[:5]])
    np.testing.assert_allclose(whole[:5], single, atol=1e-6)


def test_observing_and_predicting_can_be_cancelled() -> None:
    model = insert_fake_quant(small_net(), V2)
    for run in (observe_ranges, predict):
        recorder = Recorder(cancel_after=2)
        with pytest.raises(Cancelled):
            run(model, IMAGES, recorder)
        assert recorder.progressed == [(16, 60), (32, 60)]
