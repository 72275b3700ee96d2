"""One training, undisturbed and interrupted: its epochs, its checkpoints, its weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from quantized_models import SILENT, Recorder

from effq_core.base.errors import Cancelled
from effq_core.models.weights import read_weights
from effq_core.quantize.finetune import MICRO_BATCH, Epoch, FineTuning, predict
from tests.quantize.finetune_runs import IMAGES, LABELS, training


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
