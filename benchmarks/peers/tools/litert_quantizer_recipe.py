"""litert-quantizer's own recipe for int8 throughout: ``static_wi8_ai8``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe

from benchmarks.peers.job import Entry, Job

TITLE = "litert-quantizer"
SETTINGS = "static_wi8_ai8, its moving average"
PACKAGES = ("litert-quantizer", "ai-edge-litert")


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives the int8 file."""
    ((signature, names),) = Interpreter(job.float32).get_signature_list().items()
    (name,) = names["inputs"]

    def samples() -> Iterator[dict[str, Any]]:
        for image in np.load(job.calibration, mmap_mode="r"):
            yield {name: image[None].astype(np.float32)}

    tool = quantizer.Quantizer(job.float32)
    tool.load_quantization_recipe(recipe.static_wi8_ai8())
    found = tool.calibrate({signature: samples()}, num_threads=os.cpu_count() or 1)
    path = out / "static_wi8_ai8.tflite"
    path.unlink(missing_ok=True)
    tool.quantize(found).export_model(str(path))
    yield Entry(
        id="litert_quantizer", tool=TITLE, settings=SETTINGS, runtime="litert", files=[str(path)]
    )
