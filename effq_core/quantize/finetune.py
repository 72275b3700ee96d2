"""Fine-tuning: one loop, with fake-quant operators or, for the float control, without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.base.tensorflow import keras, tf
from effq_core.experiment import Qat, QatLoss
from effq_core.models.weights import load_weights, read_weights, write_weights
from effq_core.quantize.fake_quant import Phase, phase, update_weight_ranges
from effq_core.store.manifest import hash_file

# Images of 224 px in memory at once. Gradients are summed over a batch, which changes nothing but
# the memory: a fake-quant V2-B0 needs 4.7 GiB for 32 of them, 3 GiB for 16.
MICRO_BATCH = 16
_HISTORY = "history.json"

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Epoch:
    """One row of the training curve."""

    epoch: int  # 0 is before any training
    loss: float | None  # mean training loss; ``None`` for epoch 0
    validation_loss: float  # mean loss on the held-out part of the training sample
    # Share of it that is right; agreement with the float model where there are no labels.
    validation_top1: float
    n: int  # held-out images


def micro_batch(side: int) -> int:
    """Returns how many images of a side, in pixels, take the memory of :data:`MICRO_BATCH`."""
    return max(1, min(MICRO_BATCH, MICRO_BATCH * 224**2 // side**2))


def resolve_loss(chosen: QatLoss, *, labelled: bool, whole_head: bool) -> QatLoss:
    """Decides ``auto``: labels would pull a large head towards the few classes of the photos."""
    if chosen is not QatLoss.AUTO:
        return chosen if labelled else QatLoss.DISTILL
    return QatLoss.LABELS if labelled and whole_head else QatLoss.DISTILL


def observe_ranges(model: Any, images: _Array, reporter: Reporter) -> None:
    """Initialises every fake-quant range of a model from images, uint8 ``(n, side, side, 3)``."""
    with phase(Phase.OBSERVE):
        run = _traced(model, lambda x: tf.reduce_sum(model(x, training=False)))
        _in_batches(run, images, reporter)
    update_weight_ranges(model)


def predict(model: Any, images: _Array, reporter: Reporter) -> _Array:
    """Returns a Keras model's probabilities, float32 ``(n, classes)``, of uint8 images."""
    with phase(Phase.INFER):
        run = _traced(model, lambda x: model(x, training=False))
        return np.concatenate(_in_batches(run, images, reporter))


def _traced(model: Any, compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
    traced: Callable[[Any], Any] = tf.function(
        lambda x: compute(tf.cast(x, tf.float32)), input_signature=[spec]
    )
    traced.get_concrete_function()  # type: ignore[attr-defined]  # traced in the current phase
    return traced


def _in_batches(run: Callable[[Any], Any], images: _Array, reporter: Reporter) -> list[_Array]:
    results, size = [], micro_batch(int(images.shape[1]))
    for start in range(0, len(images), size):
        reporter.check_cancelled()
        results.append(run(images[start : start + size]).numpy())
        reporter.progress(min(start + size, len(images)), len(images))
    return results


class FineTuning:
    """Fine-tunes a flat ``tf_keras.Model`` in place, and resumes from checkpoints in ``folder``.

    The first ``validation_share`` of images, uint8 ``(n, side, side, 3)`` or what else the model
    takes, are held out; ``truth``, int64 ``(n,)``, is right there. ``targets`` are int64 ``(n,)``,
    or a teacher's float32 ``(n, classes)``. ``keeps_start``: whether the untrained model may be the
    best.
    """

    def __init__(
        self,
        model: Any,
        *,
        images: _Array,
        targets: _Array,
        truth: _Array,
        settings: Qat,
        seed: int,
        folder: Path,
        reporter: Reporter,
        keeps_start: bool = False,
    ) -> None:
        self.model = model
        self.keeps_start = keeps_start
        self.images, self.targets, self.truth = images, targets, truth
        self.settings, self.seed = settings, seed
        self.folder, self.reporter = folder, reporter
        self.held_out = max(1, round(len(images) * settings.validation_share))
        if len(images) <= self.held_out:
            raise DatasetError(
                f"{len(images)} training images leave none to train on beside those held out.",
                "Choose a larger training size.",
            )
        self.micro_batch = micro_batch(int(images.shape[1]))
        self.history: list[Epoch] = []
        self.variables = _trainable(model)
        self.optimizer = keras.optimizers.Adam(settings.learning_rate)
        self.optimizer.build(self.variables)
        self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.variables]
        self.checkpoint = tf.train.Checkpoint(model=model, optimizer=self.optimizer)

    def run(self) -> tuple[list[Epoch], Epoch]:
        """Trains; returns the curve from epoch 0, and the best epoch, whose weights the model has.

        Best is the highest top-1 held out, then the lowest loss. After ``Cancelled``, epochs stay.
        """
        self._trace()
        self._resume()
        if not self.history:
            self._finish_epoch(self._validate(0, None))
        for epoch in range(len(self.history), self.settings.epochs + 1):
            self._finish_epoch(self._validate(epoch, self._train(epoch)))
        best, file = self._best, self._best_file
        load_weights(self.model, read_weights(file), file.name, skip=frozenset())
        return self.history, best

    @property
    def _best(self) -> Epoch:
        return best_epoch(self.history, keeps_start=self.keeps_start)

    @property
    def _best_file(self) -> Path:
        # A name of its own for each epoch: the checkpoint before is whole until the next one is.
        return self.folder / f"best-{self._best.epoch}.npz"

    def _trace(self) -> None:
        kind = tf.as_dtype(self.images.dtype)
        image = tf.TensorSpec((None, *self.model.input_shape[1:]), kind)
        target = tf.TensorSpec((None, *self.targets.shape[1:]), tf.as_dtype(self.targets.dtype))
        share = tf.TensorSpec((), tf.float32)

        def losses(x: Any, target: Any) -> tuple[Any, Any]:
            predicted = self.model(tf.cast(x, tf.float32), training=False)
            if self.targets.ndim == 1:
                return predicted, keras.losses.sparse_categorical_crossentropy(target, predicted)
            return predicted, keras.losses.kl_divergence(target, predicted)

        @tf.function(input_signature=[image, target, share])  # type: ignore[untyped-decorator]
        def accumulate(x: Any, target: Any, share: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(losses(x, target)[1])
            for total, gradient in zip(self.sums, tape.gradient(loss, self.variables), strict=True):
                total.assign_add(share * gradient)
            return loss

        @tf.function(input_signature=[])  # type: ignore[untyped-decorator]
        def apply() -> None:
            self.optimizer.apply_gradients(zip(self.sums, self.variables, strict=True))
            for total in self.sums:
                total.assign(tf.zeros_like(total))

        with phase(Phase.TRAIN):
            accumulate.get_concrete_function()
            apply.get_concrete_function()
        with phase(Phase.INFER):
            infer = tf.function(losses, input_signature=[image, target])
            infer.get_concrete_function()
        self._accumulate, self._apply, self._infer = accumulate, apply, infer

    def _train(self, epoch: int) -> float:
        # A generator of its own for each epoch: a resumed run shuffles as an undisturbed one does.
        order = np.random.default_rng([self.seed, epoch]).permutation(
            np.arange(self.held_out, len(self.images))
        )
        total, size = 0.0, self.settings.batch_size
        done_before, all_images = (epoch - 1) * len(order), self.settings.epochs * len(order)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            for first in range(0, len(batch), self.micro_batch):
                self.reporter.check_cancelled()
                chosen = np.sort(batch[first : first + self.micro_batch])
                share = len(chosen) / len(batch)
                loss = self._accumulate(self.images[chosen], self.targets[chosen], share)
                total += float(loss) * len(chosen)
                done = done_before + start + first + len(chosen)
                self.reporter.progress(done, all_images)
            self._apply()
        update_weight_ranges(self.model)
        return total / len(order)

    def _validate(self, epoch: int, loss: float | None) -> Epoch:
        right, total = 0, 0.0
        for start in range(0, self.held_out, self.micro_batch):
            self.reporter.check_cancelled()
            end = min(start + self.micro_batch, self.held_out)
            predicted, losses = self._infer(self.images[start:end], self.targets[start:end])
            right += int((predicted.numpy().argmax(axis=1) == self.truth[start:end]).sum())
            total += float(tf.reduce_sum(losses))
        n = self.held_out
        return Epoch(epoch, loss, total / n, right / n, n)

    def _finish_epoch(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        self.folder.mkdir(parents=True, exist_ok=True)
        keeps = self.keeps_start or epoch.epoch > 0
        if keeps and self._best == epoch:
            write_weights(self.model, self._best_file)
        newest = f"epoch-{epoch.epoch}"
        self.checkpoint.write(str(self.folder / newest))
        files = [*self.folder.glob(f"{newest}.*")]
        if keeps:
            files.append(self._best_file)
        _keep(self.folder, [asdict(e) for e in self.history], files)
        self.reporter.event("epoch", **asdict(epoch))

    def _resume(self) -> None:
        rows = _kept(self.folder)
        if rows is None:
            self.reporter.event(
                "warning", message="The checkpoint was damaged, so fine-tuning starts again."
            )
        elif rows:
            newest = self.folder / f"epoch-{rows[-1]['epoch']}"
            self.checkpoint.read(str(newest)).assert_existing_objects_matched()
            self.history = [Epoch(**row) for row in rows]
            self.reporter.event("resumed", epoch=rows[-1]["epoch"])


def best_epoch(history: list[Epoch], *, keeps_start: bool = False) -> Epoch:
    """Returns the epoch of highest top-1, then lowest loss; epoch 0 only where it may be kept."""
    trained = history[0 if keeps_start or len(history) == 1 else 1 :]
    return min(trained, key=lambda e: (-e.validation_top1, e.validation_loss))


def _trainable(model: Any) -> list[Any]:
    """Returns the variables training may change: TF-MOT lists kernels of frozen layers, too."""
    frozen = {
        variable.ref()
        for layer in model.layers
        if not layer.trainable
        for variable in (
            *layer.weights,
            *(kernel for kernel, _, _ in getattr(layer, "_weight_vars", ())),
        )
    }
    return [v for v in model.trainable_variables if v.ref() not in frozen]


def _keep(folder: Path, rows: list[dict[str, Any]], files: Iterable[Path]) -> None:
    """Makes files, written already, the folder's checkpoint at once, and removes all others."""
    hashes = {path.name: hash_file(path) for path in files}
    temporary = folder / f"{_HISTORY}.tmp"
    temporary.write_text(json.dumps({"epochs": rows, "files": hashes}), encoding="utf-8")
    temporary.replace(folder / _HISTORY)
    for path in folder.iterdir():
        if path.name not in hashes and path.name != _HISTORY:
            path.unlink()


def _kept(folder: Path) -> list[dict[str, Any]] | None:
    """Reads the epochs so far; a damaged checkpoint is removed, and ``None`` returned."""
    if not (folder / _HISTORY).is_file():
        return []
    try:
        plain = json.loads((folder / _HISTORY).read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = plain["epochs"]
        hashes = plain["files"].items()
        whole = all(hash_file(folder / name) == sha256 for name, sha256 in hashes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if whole:
        return rows
    shutil.rmtree(folder)
    return None
