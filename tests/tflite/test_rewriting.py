"""The one rewriter of ``.tflite`` files."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.base.errors import StageError
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.rewriting import halve_kernels, pack, with_ranges

FILES = REFERENCE_FOLDER / "files"
FLOAT32 = (FILES / "float32" / "model.tflite").read_bytes()


def activations(content: bytes) -> dict[str, tuple[float, float]]:
    graph = read_tflite(content).main
    return {tensor.name: (-1.0, 2.0) for tensor in (*graph.makers, *graph.inputs)}


def test_packing_what_was_unpacked_changes_nothing_any_more() -> None:
    once = pack(unpack(FLOAT32))
    assert pack(unpack(once)) == once
    first, second = read_tflite(FLOAT32), read_tflite(once)
    assert first.signatures == second.signatures
    for own, other in zip(first.main.tensors, second.main.tensors, strict=True):
        assert (own.name, own.shape, own.dtype) == (other.name, other.shape, other.dtype)
        np.testing.assert_array_equal(own.data, other.data)


def test_ranges_are_written_beside_every_activation_and_no_weight() -> None:
    ranges = activations(FLOAT32)
    rewritten = unpack(with_ranges(FLOAT32, ranges)).subgraphs[0]
    found = {
        tensor.name.decode(): (float(tensor.quantization.min[0]), float(tensor.quantization.max[0]))
        for tensor in rewritten.tensors
        if tensor.quantization is not None and tensor.quantization.min is not None
    }
    assert found == ranges


def test_an_activation_without_a_range_is_named() -> None:
    ranges = activations(FLOAT32)
    missing = next(name for name in ranges if "block4b" in name)
    del ranges[missing]
    with pytest.raises(StageError, match="has no calibrated range") as caught:
        with_ranges(FLOAT32, ranges)
    assert missing in caught.value.message


def test_halved_kernels_are_the_nearest_16_bit_numbers() -> None:
    halved = read_tflite(halve_kernels(FLOAT32)).main
    kernels = [op.kernel for op in halved.operators if op.kind.has_kernel]
    whole = [op.kernel for op in read_tflite(FLOAT32).main.operators if op.kind.has_kernel]
    for found, exact in zip(kernels, whole, strict=True):
        assert found is not None and exact is not None
        np.testing.assert_array_equal(found.values, exact.values.astype(np.float16))


def test_a_file_without_float32_kernels_stays_as_it_is() -> None:
    content = (FILES / "int8" / "model.tflite").read_bytes()
    assert halve_kernels(content) is content


def test_weights_that_float16_cannot_hold_are_refused() -> None:
    model = unpack(FLOAT32)
    kernel = next(op.kernel for op in read_tflite(FLOAT32).main.operators if op.kernel)
    values = kernel.values.copy()
    values.flat[0] = 70_000.0
    model.buffers[kernel.buffer].data = values.view(np.uint8).reshape(-1)
    with pytest.raises(StageError, match="float16") as caught:
        halve_kernels(pack(model))
    assert "float32" in caught.value.hint
