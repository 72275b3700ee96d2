"""How many more images a second does EffQ's QAT train than `quantize_apply` + `fit`?

All train V2-B0 on the same images in batches of 32, each in a process of its own. `plain` is
Keras' `fit` of the fake-quant model in the default environment (TF-MOT's stock scheme refuses
V2-B0, so it uses EffQ's); `int8` is EffQ's loop over the same model with a worker's environment.
The others train a file of 4-bit weights, as `int4_qat` does: all of it, or from a block on. The
first (tracing) epoch is not counted. What runs before the block is computed once an image; that
time is counted, shared among `--epochs`. The ways alternate; ratios are of median images a second.

    python benchmarks/qat_throughput.py --images 256
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from effq_core.base.settings import WORKER_ENVIRONMENT

BATCH = 32
HELD_OUT = 16


WAYS = ("plain", "int8", "whole", "block5a", "block6a")


def child(way: str, count: int, size: int) -> None:
    """Trains two epochs and prints seconds of the second, of what runs before, and peak memory."""
    import resource

    import numpy as np

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count + HELD_OUT, size, size, 3), np.uint8)
    labels = generator.integers(0, 10, count + HELD_OUT)
    before = 0.0
    if way in ("plain", "int8"):
        network = fake_quant_model(size)
    else:
        with tempfile.TemporaryDirectory() as name:
            network, images, before = file_part(way, images, Path(name))
    seconds = fit(network, images, labels) if way == "plain" else tune(network, images, labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds / count, "before": before, "peak_gib": round(peak, 2)}))


def fake_quant_model(size: int) -> Any:
    """Builds V2-B0 with fake-quant operators."""
    from effq_core.base.reporting import SilentReporter
    from effq_core.base.settings import Home
    from effq_core.models.build import build_model
    from effq_core.models.catalogue import get_model
    from effq_core.models.families.family import family_of
    from effq_core.quantize.qat_scheme import insert_fake_quant

    card = get_model("efficientnetv2_b0_imagenette")
    model = build_model(card, Home.from_environment(), SilentReporter(), image_size=size)
    return insert_fake_quant(model, family_of(card).fake_quant)


def file_part(way: str, images: Any, folder: Path) -> tuple[Any, Any, float]:
    """Builds what is trained of the reference's file in 4 bits: it, what enters, seconds an image.

    The weights are rounded without photos; they do not matter to the time.
    """
    import numpy as np

    from effq_core.base.reporting import SilentReporter
    from effq_core.quantize.file_network import file_network
    from effq_core.quantize.file_values import product_floats
    from effq_core.quantize.low_bits import round_kernels
    from effq_core.quantize.trunk import run_trunk
    from effq_core.results.document import REFERENCE_FOLDER
    from effq_core.tflite.cutting import first_operator
    from effq_core.tflite.matrices import fitting_bits, matrix_products, with_kernels, with_matrices

    int8, float32 = (
        (REFERENCE_FOLDER / "files" / name / "model.tflite").read_bytes()
        for name in ("int8", "float32")
    )
    matrices = with_matrices(int8)
    bits = {op.output.name: fitting_bits(op, 4) for op in matrix_products(matrices)}
    kernels = round_kernels(matrices, float32, "nearest", bits, None, SilentReporter())
    file = with_kernels(matrices, kernels)
    first = first_operator(file, way)
    network = file_network(file, product_floats(file, float32), first=first)
    if first == 0:
        return network, images, 0.0
    begin = time.perf_counter()
    run_trunk(file, first, images, folder / "entering.npy", SilentReporter())
    seconds = (time.perf_counter() - begin) / len(images)
    return network, np.load(folder / "entering.npy"), seconds


def fit(model: Any, images: Any, labels: Any) -> float:
    """Trains by Keras' own loop; returns the seconds of the second epoch."""
    import numpy as np

    from effq_core.quantize.fake_quant import Phase, phase

    import tf_keras as keras

    marks: list[float] = []
    model.compile(keras.optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
    stamp = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: marks.append(time.perf_counter()),
        on_epoch_end=lambda *_: marks.append(time.perf_counter()),
    )
    with phase(Phase.TRAIN):
        model.fit(
            images[HELD_OUT:].astype(np.float32),
            labels[HELD_OUT:],
            batch_size=BATCH,
            epochs=2,
            verbose=0,
            callbacks=[stamp],
        )
    return marks[3] - marks[2]


def tune(model: Any, images: Any, labels: Any) -> float:
    """Trains by EffQ's loop; returns the seconds of the second epoch."""
    from effq_core.base.reporting import SilentReporter
    from effq_core.experiment import Qat
    from effq_core.quantize.finetune import FineTuning

    marks: list[float] = []

    class Marks(SilentReporter):
        def progress(self, done: int, total: int, unit: str = "images") -> None:
            marks.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as name:
        FineTuning(
            model,
            images=images,
            targets=labels,
            truth=labels,
            settings=Qat(epochs=2, batch_size=BATCH, validation_share=HELD_OUT / len(images)),
            seed=0,
            folder=Path(name),
            reporter=Marks(),
        ).run()
    half = len(marks) // 2
    # From the end of the second epoch's first micro-batch to its last.
    return (marks[-1] - marks[half]) * half / (half - 1)


def run(way: str, choices: argparse.Namespace) -> dict[str, float]:
    """Runs one way in a fresh process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    if way != "plain":
        environment |= WORKER_ENVIRONMENT
    command = [sys.executable, __file__, "--child", way]
    command += ["--images", str(choices.images), "--size", str(choices.size)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = dict(json.loads(done.stdout.strip().splitlines()[-1]))
    each = found["seconds"] + found["before"] / choices.epochs
    return {"images_per_second": round(1 / each, 2), **found}


def main() -> int:
    """Alternates the ways and prints the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        child(choices.child, choices.images, choices.size)
        return 0
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(choices.repeats):
        for way, results in found.items():
            results.append(run(way, choices))
            print(way, results[-1], flush=True)
    speed = {
        way: statistics.median(r["images_per_second"] for r in results)
        for way, results in found.items()
    }
    for way, images in speed.items():
        print(f"{way}: {images:.1f} images/s, {images / speed['plain']:.2f}× plain")
    return 0


if __name__ == "__main__":
    sys.exit(main())
