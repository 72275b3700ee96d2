"""litert-quantizer's own recipe for int8 throughout: ``static_wi8_ai8``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe

from benchmarks.peers.job import Entry, Job

TITLE = "litert-quantizer"
SETTINGS = "static_wi8_ai8, its moving average"
PACKAGES = ("litert-quantizer", "ai-edge-litert")


class _Photos(Sequence[dict[str, Any]]):
    """The images as the signature's input. The tool goes through them twice, first to count."""

    def __init__(self, path: str, name: str) -> None:
        self._images, self._name = np.load(path, mmap_mode="r"), name

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Any) -> Any:
        return {self._name: self._images[index][None].astype(np.float32)}


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives the int8 file."""
    ((signature, names),) = Interpreter(job.float32).get_signature_list().items()
    (name,) = names["inputs"]
    tool = quantizer.Quantizer(job.float32)
    tool.load_quantization_recipe(recipe.static_wi8_ai8())
    images = _Photos(job.calibration, name)
    found = tool.calibrate({signature: images}, num_threads=os.cpu_count() or 1)
    path = out / "static_wi8_ai8.tflite"
    path.unlink(missing_ok=True)
    tool.quantize(found).export_model(str(path))
    yield Entry(
        id="litert_quantizer", tool=TITLE, settings=SETTINGS, runtime="litert", files=[str(path)]
    )
