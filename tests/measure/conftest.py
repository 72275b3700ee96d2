"""Small real ``.tflite`` files, made once by the real converter."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SIZE, CLASSES = 64, 10
VARIANTS = ("float32", "dynamic_range", "int8", "uint8")


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Blurred noise of different brightness and contrast, uint8 (24, 64, 64, 3)."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (24, 8, 8, 3))
    return np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.uint8)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, images: np.ndarray) -> dict[str, Path]:
    """A small convolutional classifier as float32, dynamic_range, int8 and uint8 I/O."""
    import tensorflow as tf

    rng = np.random.default_rng(3)

    def weights(*shape: int) -> tf.Tensor:
        fan_in = np.prod(shape[:-1])
        return tf.constant(rng.normal(0, np.sqrt(2 / fan_in), shape), tf.float32)

    layers = [weights(3, 3, 3, 16), weights(3, 3, 16, 32), weights(3, 3, 32, 64)]
    head = weights(64, CLASSES) * 4.0

    @tf.function(input_signature=[tf.TensorSpec((1, SIZE, SIZE, 3), tf.float32, name="image")])
    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x = image / 127.5 - 1.0
        for kernel in layers:
            x = tf.nn.relu6(tf.nn.conv2d(x, kernel, 2, "SAME"))
        x = tf.reduce_mean(x, [1, 2])
        return {"probabilities": tf.nn.softmax(x @ head)}

    module = tf.Module()
    module.classify = classify
    folder = tmp_path_factory.mktemp("models")
    saved = str(folder / "saved")
    tf.saved_model.save(module, saved, signatures={"serving_default": classify})
    paths = {}
    for name in VARIANTS:
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        if name != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if name in ("int8", "uint8"):
            converter.representative_dataset = lambda: (
                [image[np.newaxis].astype(np.float32)] for image in images
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = getattr(tf, name)
        paths[name] = folder / f"{name}.tflite"
        paths[name].write_bytes(converter.convert())
    return paths


@pytest.fixture(scope="session")
def half_delegated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conv, ReLU | CUMSUM, which XNNPACK does not know | conv, mean, dense, softmax."""
    import tensorflow as tf

    first, second, head = tf.ones((3, 3, 3, 8)), tf.ones((3, 3, 8, 8)), tf.ones((8, 4))

    @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 3), tf.float32)])
    def classify(image: tf.Tensor) -> tf.Tensor:
        x = tf.cumsum(tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME")), axis=1)
        return tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(x, second, 1, "SAME"), [1, 2]) @ head)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([classify.get_concrete_function()])
    path = tmp_path_factory.mktemp("half") / "half.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture
def damage(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a file that is no good model."""

    def write(content: bytes) -> Path:
        path = tmp_path / "damaged.tflite"
        path.write_bytes(content)
        return path

    return write
