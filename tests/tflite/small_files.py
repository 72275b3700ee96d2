"""A small network as ``.tflite`` files, with the layers that few bits and groups meet."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SIDE = 16
IMAGES = np.repeat(
    np.repeat(np.random.default_rng(5).integers(0, 256, (8, 4, 4, 3)), 4, axis=1), 4, axis=2
).astype(np.uint8)
WIDTHS = (3, 5, 32, 32, 64, 24, 4)
"""Channels: from 3 and 5, odd numbers, through 32 and 64, two groups, to 4 classes."""


@lru_cache(maxsize=2)
def float32_file(*, products: bool = True, dynamic_range: bool = False) -> bytes:
    """A classifier of 1×1, 3×3 and depthwise convolutions; a channel of each is all zeros.

    Args:
        products: Whether it has 1×1 convolutions and a Dense layer.
        dynamic_range: Whether TensorFlow's converter quantizes its weights.
    """
    import tensorflow as tf

    random = np.random.default_rng(3)

    def weights(*shape: int) -> tf.Tensor:
        found = random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        found[(..., 1, 0) if shape[-1] == 1 else (..., 1)] = 0
        return tf.constant(found, tf.float32)

    sides = (1, 1, 3, 1, 1) if products else (3,) * 5
    kernels = [
        weights(side, side, *each)
        for side, *each in zip(sides, WIDTHS[:5], WIDTHS[1:6], strict=True)
    ]
    depthwise, dense = weights(3, 3, WIDTHS[2], 1), weights(*WIDTHS[5:])

    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32, name="image")])
    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x = image / 127.5 - 1.0
        for place, kernel in enumerate(kernels):
            x = tf.nn.relu6(tf.nn.conv2d(x, kernel, 1, "SAME") + 0.2)
            if place == 1:
                x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, depthwise, (1, 1, 1, 1), "SAME"))
        x = tf.reduce_mean(x, [1, 2])
        return {"probabilities": tf.nn.softmax(3 * (x @ dense) if products else x[:, :4])}

    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.classify = classify
        tf.saved_model.save(module, folder, signatures={"serving_default": classify})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if dynamic_range:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


@lru_cache(maxsize=1)
def int8_file() -> bytes:
    """The same network in int8."""
    from effq_core.base.reporting import SilentReporter
    from effq_core.quantize.calibration import collect_statistics
    from effq_core.quantize.convert import quantize_with_ranges

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float32.tflite"
        path.write_bytes(float32_file())
        ranges = collect_statistics(path, IMAGES, SilentReporter()).ranges("min_max", 100)
    return quantize_with_ranges(float32_file(), ranges)
