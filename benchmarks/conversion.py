"""How much faster does EffQ make the four PTQ variants than the paper's notebook does?

The notebook's way: `TFLiteConverter.from_keras_model` for each variant, and for int8 TensorFlow's
own calibrator. EffQ's way: freeze once, convert each variant from the frozen graph, watch the
activations of the float32 file, write ranges into it. Both use min-max over the same images; the
answers of the two int8 files to those images are compared.

    python benchmarks/conversion.py --images 100
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.models.build import build_model
from effq_core.models.catalogue import get_model
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.decode import decode
from effq_core.quantize.calibration import collect_statistics
from effq_core.quantize.convert import convert, quantize_with_ranges
from effq_core.quantize.dynamic import dynamic_kernels
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.hybrid import with_hybrid_kernels

import tensorflow as tf


def notebook_way(model: object, images: np.ndarray) -> dict[str, bytes]:
    """Converts each variant from Keras."""
    files = {}
    for name in ("float32", "float16", "dynamic_range", "int8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if name != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if name == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if name == "int8":
            converter.representative_dataset = lambda: (
                [image[None].astype(np.float32)] for image in images
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
        files[name] = converter.convert()
    return files


def effq_way(model: object, images: np.ndarray, folder: Path) -> dict[str, bytes]:
    """Freezes once and converts from constants."""
    freeze(model, folder / "frozen")
    files = {form: convert(folder / "frozen", form) for form in ("float32", "float16")}
    chosen = dynamic_kernels(files["float32"], 8, SilentReporter()).items()
    kernels = {name: choice.kernel for name, choice in chosen}
    files["dynamic_range"] = with_hybrid_kernels(files["float32"], kernels)
    (folder / "float32.tflite").write_bytes(files["float32"])
    statistics = collect_statistics(folder / "float32.tflite", images, SilentReporter())
    ranges = statistics.ranges("min_max", 100.0)
    files["int8"] = quantize_with_ranges(files["float32"], ranges)
    return files


def main() -> int:
    """Runs both ways on the bundled V2-B0 and prints the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--size", type=int, default=224)
    choices = parser.parse_args()
    home, reporter = Home.from_environment(), SilentReporter()
    dataset = open_dataset("photo_patches", home)
    items = dataset.scan(reporter).items[:: max(1, 3850 // choices.images)][: choices.images]
    images = np.stack([decode(dataset.open(item), choices.size) for item in items])
    model = build_model(
        get_model("efficientnetv2_b0_imagenette"), home, reporter, image_size=choices.size
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        ours = effq_way(model, images, folder)
        effq = time.perf_counter() - start
        start = time.perf_counter()
        theirs = notebook_way(model, images)
        notebook = time.perf_counter() - start
        answers = []
        for label, files in (("effq", ours), ("notebook", theirs)):
            path = folder / f"{label}.tflite"
            path.write_bytes(files["int8"])
            answers.append(ModelPool(path).predict_many(images).argmax(axis=1))
    agreement = float((answers[0] == answers[1]).mean())
    print(f"{len(images)} calibration images at {choices.size} px, {os.cpu_count()} cores")
    print(f"notebook {notebook:.1f} s, EffQ {effq:.1f} s: {notebook / effq:.2f}× faster")
    print(f"int8 top-1 agreement of the two ways: {agreement:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
