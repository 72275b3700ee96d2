from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantized_models import SILENT, V2, Recorder, small_net

from effq_core.base.errors import Cancelled, DatasetError
from effq_core.base.reporting import Reporter
from effq_core.experiment import Qat, QatLoss
from effq_core.models.weights import read_weights
from effq_core.quantize.finetune import (
    MICRO_BATCH,
    Epoch,
    FineTuning,
    _best,
    micro_batch,
    observe_ranges,
    predict,
    resolve_loss,
)
from effq_core.quantize.qat_scheme import insert_fake_quant

import tensorflow as tf
import tf_keras as keras

N, CLASSES = 60, 4
SETTINGS = Qat(epochs=3, learning_rate=3e-3, batch_size=24, validation_share=0.2)


def colours() -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of one colour a class, in turn."""
    rng = np.random.default_rng(0)
    centres = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [160, 160, 160]])
    labels = np.arange(N) % CLASSES
    pixels = centres[labels][:, None, None] + rng.normal(0, 40, (N, 16, 16, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


IMAGES, LABELS = colours()


def student(fake_quant: bool) -> Any:
    # TF-MOT numbers one of its layers through the process; every stage starts afresh, and so here.
    keras.backend.reset_uids()
    model = small_net()
    if not fake_quant:
        return model
    fake = insert_fake_quant(model, V2)
    observe_ranges(fake, IMAGES, SILENT)
    return fake


def teacher_answers() -> np.ndarray:
    return np.asarray(predict(small_net(seed=1), IMAGES, SILENT))


def training(
    folder: Path,
    *,
    fake_quant: bool = False,
    targets: np.ndarray = LABELS,
    settings: Qat = SETTINGS,
    reporter: Reporter = SILENT,
    seed: int = 5,
) -> FineTuning:
    return FineTuning(
        student(fake_quant),
        images=IMAGES,
        targets=targets,
        truth=LABELS if targets.ndim == 1 else targets.argmax(axis=1),
        settings=settings,
        seed=seed,
        folder=folder,
        reporter=reporter,
    )


@dataclass
class Whole:
    """A training nobody disturbed."""

    fake_quant: bool
    folder: Path
    recorder: Recorder
    tuning: FineTuning
    before: list[np.ndarray]
    history: list[Epoch]
    best: Epoch
    after: list[np.ndarray]


@pytest.fixture(scope="module", params=["float", "fake_quant"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    fake_quant, recorder = request.param == "fake_quant", Recorder()
    folder = tmp_path_factory.mktemp("whole")
    tuning = training(folder, fake_quant=fake_quant, reporter=recorder)
    before = tuning.model.get_weights()
    history, best = tuning.run()
    after = tuning.model.get_weights()
    return Whole(fake_quant, folder, recorder, tuning, before, history, best, after)


def test_an_epoch_is_48_images_in_two_batches_of_two_micro_batches(whole: Whole) -> None:
    assert MICRO_BATCH == 16
    steps = [16, 24, 40, 48]
    assert whole.recorder.progressed == [(48 * e + done, 144) for e in range(3) for done in steps]
    assert [epoch.epoch for epoch in whole.history] == [0, 1, 2, 3]
    assert {epoch.n for epoch in whole.history} == {12}
    assert whole.history[0].loss is None
    assert [kind for kind, _ in whole.recorder.events] == ["epoch"] * 4
    assert [values["validation_top1"] for _, values in whole.recorder.events] == [
        epoch.validation_top1 for epoch in whole.history
    ]


@pytest.mark.parametrize("calls", [1, 8, 11])
def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been(
    whole: Whole, calls: int, tmp_path: Path
) -> None:
    folder = tmp_path / "epochs"
    with pytest.raises(Cancelled):
        training(folder, fake_quant=whole.fake_quant, reporter=Recorder(cancel_after=calls)).run()
    recorder = Recorder()
    resumed = training(folder, fake_quant=whole.fake_quant, reporter=recorder)
    assert resumed.run() == (whole.history, whole.best)
    for a, b in zip(whole.after, resumed.model.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    finished = (calls - 1) // 4  # after the last call of an epoch comes its validation
    assert recorder.events[0] == ("resumed", {"epoch": finished})
    assert recorder.progressed[0] == (48 * finished + 16, 144)


@pytest.mark.parametrize("file", ["best-*.npz", "epoch-*.data*", "epoch-*.index", "history.json"])
def test_a_damaged_checkpoint_is_said_and_training_starts_again(
    whole: Whole, file: str, tmp_path: Path
) -> None:
    folder = tmp_path / "epochs"
    shutil.copytree(whole.folder, folder)
    (path,) = folder.glob(file)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recorder = Recorder(cancel_after=1)
    with pytest.raises(Cancelled):
        training(folder, fake_quant=whole.fake_quant, reporter=recorder).run()
    ((kind, values),) = recorder.events[:1]
    assert kind == "warning"
    assert "damaged" in values["message"]
    assert json.loads((folder / "history.json").read_text())["epochs"] == [asdict(whole.history[0])]


def test_a_finished_training_is_not_repeated(whole: Whole) -> None:
    recorder = Recorder()
    again = training(whole.folder, fake_quant=whole.fake_quant, reporter=recorder)
    assert again.run() == (whole.history, whole.best)
    assert recorder.progressed == []
    assert all(map(np.array_equal, again.model.get_weights(), whole.after))


def test_only_the_newest_checkpoint_and_the_best_weights_are_kept(whole: Whole) -> None:
    assert sorted(path.name for path in whole.folder.iterdir()) == [
        f"best-{whole.best.epoch}.npz",
        "epoch-3.data-00000-of-00001",
        "epoch-3.index",
        "history.json",
    ]
    rows = json.loads((whole.folder / "history.json").read_text())["epochs"]
    assert [Epoch(**row) for row in rows] == whole.history
    assert whole.best in whole.history


def test_the_best_epochs_weights_are_left_in_the_model(whole: Whole) -> None:
    model = whole.tuning.model
    for layer, arrays in read_weights(whole.folder / f"best-{whole.best.epoch}.npz").items():
        assert all(map(np.array_equal, model.get_layer(layer).get_weights(), arrays))
    answers = predict(model, IMAGES[:12], SILENT)
    assert (answers.argmax(axis=1) == LABELS[:12]).mean() == whole.best.validation_top1
    loss = -np.log(answers[np.arange(12), LABELS[:12]]).mean()
    assert loss == pytest.approx(whole.best.validation_loss, rel=1e-4)


def test_training_leaves_statistics_and_the_normalisation_alone_and_moves_the_rest(
    whole: Whole,
) -> None:
    moved = {
        weight.name: not np.array_equal(old, new)
        for weight, old, new in zip(
            whole.tuning.model.weights, whole.before, whole.after, strict=True
        )
    }
    # TF-MOT's wrapper offers the kernel of a frozen layer for training.
    frozen = {"normalise/depthwise_kernel:0", "normalise/bias:0"}
    statistics = {name for name in moved if name.rpartition("/")[2].startswith("moving_")}
    trained = {variable.name for variable in whole.tuning.variables}
    assert len(statistics) == 2 * 3
    assert len(trained) == 15
    assert frozen < moved.keys()
    assert not [name for name in frozen | statistics if moved[name]]
    assert not [name for name in trained if not moved[name]]


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
    best = _best(history)
    after = history[1:]
    assert best.epoch > 0
    assert best.validation_top1 == max(row.validation_top1 for row in after)
    equal = [row for row in after if row.validation_top1 == best.validation_top1]
    assert best.validation_loss == min(row.validation_loss for row in equal)
    assert best == next(row for row in equal if row.validation_loss == best.validation_loss)


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
