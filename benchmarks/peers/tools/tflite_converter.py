"""TensorFlow's own converter with a representative dataset, as its guide says: stock PTQ."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np

from benchmarks.peers.job import Entry, Job

import tensorflow as tf

TITLE = "TFLite converter"
SETTINGS = "int8 PTQ, min–max"
PACKAGES = ("tensorflow",)


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives the file with integers throughout."""

    def representative() -> Iterator[list[Any]]:
        for image in np.load(job.calibration, mmap_mode="r"):
            yield [image[None].astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_saved_model(job.saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = out / "int8.tflite"
    path.write_bytes(converter.convert())
    yield Entry(
        id="tflite_converter", tool=TITLE, settings=SETTINGS, runtime="litert", files=[str(path)]
    )
