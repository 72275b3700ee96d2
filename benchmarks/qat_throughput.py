"""How many more images a second does EffQ's QAT train than `quantize_apply` + `fit`?

Both train the same fake-quant V2-B0 (TF-MOT's stock scheme refuses it, so both use EffQ's scheme)
on the same images in batches of 32, each in a process of its own: `plain` is Keras' `fit` in the
default environment, `effq` is EffQ's loop with a worker's environment. The two alternate; the
ratio is of median images a second, the first (tracing) epoch not counted.

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

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from effq_core.base.settings import WORKER_ENVIRONMENT

BATCH = 32


def child(way: str, count: int, size: int) -> None:
    """Trains two epochs and prints images a second of the second, and peak memory."""
    import resource

    import numpy as np

    from effq_core.base.reporting import SilentReporter
    from effq_core.base.settings import Home
    from effq_core.experiment import Qat
    from effq_core.models.build import build_model
    from effq_core.models.catalogue import get_model
    from effq_core.models.families.family import family_of
    from effq_core.quantize.fake_quant import Phase, phase
    from effq_core.quantize.finetune import FineTuning
    from effq_core.quantize.qat_scheme import insert_fake_quant

    import tf_keras as keras

    card = get_model("efficientnetv2_b0_imagenette")
    model = build_model(card, Home.from_environment(), SilentReporter(), image_size=size)
    fake = insert_fake_quant(model, family_of(card).fake_quant)
    generator = np.random.default_rng(0)
    held_out = 16
    images = generator.integers(0, 256, (count + held_out, size, size, 3), np.uint8)
    labels = generator.integers(0, 10, count + held_out)
    marks: list[float] = []
    if way == "plain":
        fake.compile(keras.optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
        stamp = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: marks.append(time.perf_counter()),
            on_epoch_end=lambda *_: marks.append(time.perf_counter()),
        )
        with phase(Phase.TRAIN):
            fake.fit(
                images[held_out:].astype(np.float32),
                labels[held_out:],
                batch_size=BATCH,
                epochs=2,
                verbose=0,
                callbacks=[stamp],
            )
        seconds = marks[3] - marks[2]
    else:

        class Marks(SilentReporter):
            def progress(self, done: int, total: int, unit: str = "images") -> None:
                marks.append(time.perf_counter())

        with tempfile.TemporaryDirectory() as name:
            FineTuning(
                fake,
                images=images,
                targets=labels,
                truth=labels,
                settings=Qat(epochs=2, batch_size=BATCH, validation_share=held_out / len(images)),
                seed=0,
                folder=Path(name),
                reporter=Marks(),
            ).run()
        half = len(marks) // 2
        # From the end of the second epoch's first micro-batch to its last.
        seconds = (marks[-1] - marks[half]) * half / (half - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"images_per_second": count / seconds, "peak_gib": peak / 2**20}))


def run(way: str, choices: argparse.Namespace) -> dict[str, float]:
    """Runs one way in a fresh process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    if way == "effq":
        environment |= WORKER_ENVIRONMENT
    command = [sys.executable, __file__, "--child", way]
    command += ["--images", str(choices.images), "--size", str(choices.size)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> int:
    """Alternates the two ways and prints the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--child", choices=("plain", "effq"), help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        child(choices.child, choices.images, choices.size)
        return 0
    found: dict[str, list[dict[str, float]]] = {"plain": [], "effq": []}
    for _ in range(choices.repeats):
        for way, results in found.items():
            results.append(run(way, choices))
            print(way, results[-1], flush=True)
    speed = {
        way: statistics.median(r["images_per_second"] for r in results)
        for way, results in found.items()
    }
    print(
        f"plain {speed['plain']:.1f} images/s, EffQ {speed['effq']:.1f} images/s: "
        f"{speed['effq'] / speed['plain']:.2f}× faster"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
