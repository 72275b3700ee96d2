"""NNCF's post-training quantization for OpenVINO, as its guide starts: ``nncf.quantize``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino

from benchmarks.peers.job import Entry, Job

TITLE = "NNCF"
SETTINGS = "int8 PTQ, defaults"
PACKAGES = ("nncf", "openvino")


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives the float model as OpenVINO runs it, and int8 with either of NNCF's presets."""
    model = openvino.convert_model(job.saved_model)
    images = np.load(job.calibration, mmap_mode="r")
    yield _save(model, out / "float32", "OpenVINO", "float32", compress=False)
    presets = (
        ("int8", SETTINGS, None),
        # Its guide advises it for activations other than ReLU; swish is one.
        ("int8_mixed", "int8 PTQ, preset mixed", nncf.QuantizationPreset.MIXED),
    )
    for name, settings, preset in presets:
        dataset = nncf.Dataset(range(len(images)), lambda i: images[i][None].astype(np.float32))
        # Its default looks at 300 images at most; here at as many as the other tools.
        quantized = nncf.quantize(model, dataset, preset=preset, subset_size=len(images))
        yield _save(quantized, out / name, TITLE, settings)


def _save(model: Any, folder: Path, tool: str, settings: str, *, compress: bool = True) -> Entry:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.xml"
    openvino.save_model(model, path, compress_to_fp16=compress)
    return Entry(
        id=f"openvino_{folder.name}",
        tool=tool,
        settings=settings,
        runtime="openvino",
        files=[str(path), str(path.with_suffix(".bin"))],
    )
