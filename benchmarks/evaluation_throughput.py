"""How much faster does EffQ evaluate all variants than the paper's notebook loop?

The notebook's way: for each variant one interpreter with its default threads; every photo is
decoded again and predicted alone. EffQ's way: photos are decoded once, on all cores; each variant
then runs on one single-threaded interpreter per core. Both decode with the same code, since the
notebook's own resizing would change the predictions, and the predictions must be identical.

The two ways run in alternating order; the time of each is everything between a list of paths and
a table of outputs. The exit code is 1 if a prediction differs.

    python benchmarks/evaluation_throughput.py FOLDER_OF_TFLITE_FILES FOLDER_OF_IMAGES --images 500
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from effq_core.photos import decode as photos
from effq_core.runtimes.model import Model, ModelPool

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def decode(path: Path, size: int) -> np.ndarray:
    """Returns the photo as the models take it, uint8 (size, size, 3)."""
    return photos.decode(photos.open_image(path, path.name), size)


def notebook_way(models: list[Path], images: list[Path]) -> list[np.ndarray]:
    """Returns the outputs of each variant, (n, classes) in the file's own output type."""
    answers = []
    for path in models:
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        scale, zero_point = taken["quantization"]
        rows = []
        for image in images:
            pixels = decode(image, int(taken["shape"][1])).astype(np.float32)
            if taken["dtype"] != np.float32:
                bounds = np.iinfo(taken["dtype"])
                pixels = np.clip(np.rint(pixels / scale) + zero_point, bounds.min, bounds.max)
            interpreter.set_tensor(taken["index"], pixels[np.newaxis].astype(taken["dtype"]))
            interpreter.invoke()
            rows.append(interpreter.get_tensor(given["index"])[0])
        output = np.stack(rows).astype(np.float32)
        if given["dtype"] != np.float32:
            scale, zero_point = given["quantization"]
            output = (output - np.float32(zero_point)) * np.float32(scale)
        answers.append(output)
    return answers


def effq_way(models: list[Path], images: list[Path]) -> list[np.ndarray]:
    """Returns the outputs of each variant, float32 (n, classes)."""
    decoded: dict[int, np.ndarray] = {}
    answers = []
    for path in models:
        pool = ModelPool(path)
        size = pool.image_size
        if size not in decoded:
            with ThreadPoolExecutor(os.cpu_count()) as executor:
                decoded[size] = np.stack(
                    list(executor.map(lambda image, size=size: decode(image, size), images))
                )
        answers.append(pool.predict_many(decoded[size]))
    return answers


def main() -> int:
    """Runs both ways and prints the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument(
        "photos", type=Path, help="a folder of images, searched with its subfolders"
    )
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    choices = parser.parse_args()
    models = sorted(choices.models.glob("*.tflite"))
    found = sorted(p for p in choices.photos.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not models or not found:
        parser.error("no .tflite file or no image found")
    images = random.Random(0).sample(found, min(choices.images, len(found)))  # noqa: S311
    sizes = sorted({Model(path).image_size for path in models})
    print(f"{len(images)} images, {len(models)} variants at {sizes} px, {os.cpu_count()} cores")

    times: dict[str, list[float]] = {"notebook": [], "effq": []}
    identical = True
    for repeat in range(choices.repeats):
        answers = {}
        ways = [("notebook", notebook_way), ("effq", effq_way)]
        for name, way in ways if repeat % 2 == 0 else reversed(ways):
            start = time.perf_counter()
            answers[name] = way(models, images)
            times[name].append(time.perf_counter() - start)
        pairs = zip(answers["notebook"], answers["effq"], strict=True)
        identical &= all(np.array_equal(a, b) for a, b in pairs)
    notebook, effq = statistics.median(times["notebook"]), statistics.median(times["effq"])
    print(f"notebook {notebook:.2f} s, EffQ {effq:.2f} s: {notebook / effq:.2f}× faster")
    print("predictions identical" if identical else "PREDICTIONS DIFFER")
    return 0 if identical else 1


if __name__ == "__main__":
    sys.exit(main())
