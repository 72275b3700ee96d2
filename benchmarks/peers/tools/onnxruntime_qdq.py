"""ONNX Runtime's static quantization in QDQ form, after tf2onnx, as its guide says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.peers.job import Entry, Job

TITLE = "ONNX Runtime"
SETTINGS = "int8 static QDQ, per channel, min–max"
PACKAGES = ("onnxruntime", "onnx", "tf2onnx")
OPSET = 17


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, path: str, name: str) -> None:
        self._images, self._name = iter(np.load(path, mmap_mode="r")), name

    def get_next(self) -> dict[str, Any] | None:
        """Returns the next image as the model's input, or ``None`` after the last."""
        image = next(self._images, None)
        return None if image is None else {self._name: image[None].astype(np.float32)}


def make(job: Job, out: Path) -> Iterator[Entry]:
    """Gives the float model as ONNX Runtime runs it, and int8."""
    float32, prepared, int8 = (out / f"{name}.onnx" for name in ("float32", "prepared", "int8"))
    command = [sys.executable, "-m", "tf2onnx.convert", f"--saved-model={job.saved_model}"]
    subprocess.run([*command, f"--output={float32}", f"--opset={OPSET}"], check=True)
    yield _entry(float32, "float32")
    quant_pre_process(str(float32), str(prepared))
    quantize_static(str(prepared), str(int8), _Photos(job.calibration, "image"), per_channel=True)
    yield _entry(int8, SETTINGS)


def _entry(path: Path, settings: str) -> Entry:
    return Entry(
        id=f"onnxruntime_{path.stem}",
        tool=TITLE,
        settings=settings,
        runtime="onnxruntime",
        files=[str(path)],
    )
