"""TF-MOT as it comes: ``quantize_model``, and what its error message leaves a user to do.

Runs in EffQ's environment, which has TF-MOT, because it starts from the Keras model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np

from benchmarks.peers.job import Entry, Job
from effq_core.models.build import load_model

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

TITLE = "TF-MOT"
SETTINGS = "stock QAT"
PACKAGES = ("tensorflow-model-optimization", "tensorflow", "tf_keras")


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives what stock QAT gives after the same fine-tuning as EffQ's."""
    keras.utils.set_random_seed(job.seed)
    model, _ = load_model(Path(job.keras_model))
    notes: list[str] = []
    try:
        student = tfmot.quantization.keras.quantize_model(model)
    except RuntimeError as error:
        notes.append(f"quantize_model raises {type(error).__name__}: {error}")
        student = _without_multiply(model)
        notes.append("made by annotating every layer but Multiply")
    if job.epochs:
        _train(student, job)
        trained = f"trained: {job.epochs} epochs of {len(job.training_labels):,} images"
    else:
        trained = "not trained: its ranges are as they start, ±6"
    converter = tf.lite.TFLiteConverter.from_keras_model(_with_batch_of_one(student))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path = out / "qat.tflite"
    path.write_bytes(converter.convert())
    yield Entry(
        id="tfmot_stock",
        tool=TITLE,
        settings=SETTINGS + (", all but Multiply" if notes else "") + f", {trained}",
        runtime="litert",
        files=[str(path)],
        notes=notes,
    )


def _without_multiply(model: Any) -> Any:
    annotate = tfmot.quantization.keras.quantize_annotate_layer
    spared = (keras.layers.Multiply, keras.layers.InputLayer)
    annotated = keras.models.clone_model(
        model, clone_function=lambda layer: layer if isinstance(layer, spared) else annotate(layer)
    )
    return tfmot.quantization.keras.quantize_apply(annotated)


def _train(model: Any, job: Job) -> None:
    images = np.load(job.training, mmap_mode="r")
    labels = np.asarray(job.training_labels)
    model.compile(
        optimizer=keras.optimizers.Adam(job.learning_rate), loss="sparse_categorical_crossentropy"
    )
    random = np.random.default_rng(job.seed)
    for epoch in range(job.epochs):
        order = random.permutation(len(labels))
        # Not `fit`: TensorFlow's dataset of a generator undoes the malloc settings of training.
        for start in range(0, len(order), job.batch_size):
            chosen = np.sort(order[start : start + job.batch_size])
            loss = model.train_on_batch(images[chosen].astype(np.float32), labels[chosen])
            print(f"epoch {epoch + 1}, image {start + len(chosen):,}: loss {loss:.3f}", flush=True)


def _with_batch_of_one(model: Any) -> Any:
    """Fixes the batch, as every other tool's file has it: see `effq_core.quantize.freeze`."""
    image = keras.Input(model.input_shape[1:], batch_size=1)
    return keras.Model(image, model(image, training=False))
