"""Which LiteRT a file needs follows from its weights."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.tflite.hybrid import HybridKernel, hybrid_layers, with_hybrid_kernels
from effq_core.tflite.matrices import matrix_products, with_kernels, with_matrices
from effq_core.tflite.needs import need_of
from tests.tflite.kernels import rounded_kernel
from tests.tflite.small_files import float32_file, int8_file


@pytest.mark.parametrize(("bits", "runs", "fast"), [(4, "1.2.0", "2.0.3"), (2, "2.1.0", "2.2.0")])
def test_integer_files_need_what_was_measured(bits: int, runs: str, fast: str) -> None:
    matrices = with_matrices(int8_file())
    last = matrix_products(matrices)[-1]
    need = need_of(with_kernels(matrices, {last.output.name: rounded_kernel(last, bits)}))
    assert need is not None and (need.bits, need.runs, need.fast) == (bits, runs, fast)
    assert need.text == (
        f"Its {bits}-bit weights need ai-edge-litert {runs} or later, and {fast} or later to be "
        "fast. tflite-runtime does not run them."
    )


def test_of_several_the_latest_counts() -> None:
    matrices = with_matrices(int8_file())
    *_, first, last = matrix_products(matrices)
    both = {op.output.name: rounded_kernel(op, bits) for op, bits in ((first, 4), (last, 2))}
    need = need_of(with_kernels(matrices, both))
    assert need is not None and need.plain() == {"runs": "2.1.0", "fast": "2.2.0"}


def test_float_activations_need_the_version_that_was_tried() -> None:
    op = hybrid_layers(with_matrices(float32_file()))[-1]
    assert op.kernel is not None
    values = np.zeros(op.kernel.shape, np.int8)
    kernel = HybridKernel(values=values, scales=np.ones(len(values)), bits=4)
    file = with_hybrid_kernels(with_matrices(float32_file()), {op.output.name: kernel})
    need = need_of(file)
    assert need is not None and (need.runs, need.fast) == ("2.3.0", "2.3.0")
    assert "to be fast" not in need.text


def test_every_litert_runs_floats_and_eight_bits() -> None:
    assert need_of(float32_file()) is None and need_of(int8_file()) is None
    assert need_of(float32_file(dynamic_range=True)) is None
