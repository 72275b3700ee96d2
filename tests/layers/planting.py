"""A model with a layer that int8 cannot stand, and the same function as before in floats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from effq_core.base.reporting import SilentReporter
from effq_core.quantize.calibration import collect_statistics
from effq_core.quantize.convert import quantize_with_ranges
from effq_core.tflite.file import unpack
from effq_core.tflite.naming import layer_name
from effq_core.tflite.rewriting import pack

# Everything that writes to and reads from the trunk of EfficientNetV2-B0's second stage; nothing
# on it is anything but linear, so that a channel may be scaled there and back again.
_WRITERS = ("block2a_project_conv", "block2b_project_conv")
_READERS = ("block2b_expand_conv", "block3a_expand_conv")


def plant(float32: Path, folder: Path, *, factor: float = 1000.0, channel: int = 0) -> Path:
    """Makes a channel of block 2a's output larger, and what reads it that much smaller."""
    model = unpack(float32.read_bytes())
    graph = model.subgraphs[0]
    touched = []
    for op in graph.operators:
        layer = layer_name(graph.tensors[op.outputs[0]].name.decode())
        if layer not in _WRITERS + _READERS or len(op.inputs) != 3:
            continue
        touched.append(layer)
        kernel, bias = (graph.tensors[i] for i in op.inputs[1:])
        weights = _values(model, kernel).reshape(kernel.shape)  # (out, height, width, in)
        if layer in _WRITERS:
            weights[channel] *= factor
            offsets = _values(model, bias)
            offsets[channel] *= factor
            _write(model, bias, offsets)
        else:
            weights[..., channel] /= factor
        _write(model, kernel, weights)
    assert sorted(touched) == sorted(_WRITERS + _READERS)
    path = folder / "float32.tflite"
    path.write_bytes(pack(model))
    return path


def quantize(float32: Path, images: np.ndarray) -> Path:
    """Makes the int8 file by min-max calibration, beside the float32 one."""
    statistics = collect_statistics(float32, images, SilentReporter())
    ranges = statistics.ranges("min_max", 100)
    path = float32.with_name("int8.tflite")
    path.write_bytes(quantize_with_ranges(float32.read_bytes(), ranges))
    return path


def _values(model, tensor) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.frombuffer(bytes(bytearray(model.buffers[tensor.buffer].data)), np.float32).copy()


def _write(model, tensor, values: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
