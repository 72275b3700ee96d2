"""1×1 convolutions as matrix products, with weights of any number of bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StageError
from effq_core.measure.gates.matrices_equal import compare_matrices
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.registry import inspect_file, open_session
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.matrices import (
    IntegerKernel,
    fitting_bits,
    matrix_products,
    with_kernels,
    with_matrices,
)
from effq_core.tflite.rewriting import pack

INT8 = (REFERENCE_FOLDER / "files" / "int8" / "model.tflite").read_bytes()
MATRICES = with_matrices(INT8)


def own_kernels(bits: int) -> dict[str, IntegerKernel]:
    """Each product's own weights, rounded to nearest."""
    found = {}
    for op in matrix_products(MATRICES):
        assert op.kernel is not None and op.inputs[0] is not None and op.inputs[2] is not None
        scales, step = op.kernel.scales.astype(np.float64), op.inputs[0].grid
        assert step is not None
        wider = 2 ** (8 - bits)
        found[op.output.name] = IntegerKernel(
            values=np.clip(
                np.round(op.kernel.values / wider), -(128 // wider), 127 // wider
            ).astype(np.int8),
            scales=np.broadcast_to(scales, op.kernel.shape[:1]) * wider,
            bits=bits,
            bias=op.inputs[2].values * np.float64(step[0]) * scales,
        )
    return found


def answer(path: Path) -> np.ndarray:
    session = open_session(path)
    image = np.random.default_rng(5).integers(-128, 128, session.inputs[0].shape)
    session.feed(image.astype(np.int8))
    session.invoke()
    return session.answer().astype(int)


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.tflite"
    path.write_bytes(content)
    return path


def test_both_forms_answer_the_same_to_the_last_bit(tmp_path: Path) -> None:
    paths = written(tmp_path, INT8), written(tmp_path, MATRICES)
    found = compare_matrices(*paths, np.random.default_rng(1))
    assert found == {"images": 4, "differing": 0}
    kinds = inspect_file(paths[1]).ops
    pointwise = [
        op
        for op in read_tflite(INT8).main.operators
        if op.kind.name == "CONV_2D" and op.kernel and op.kernel.shape[1:3] == (1, 1)
    ]
    assert kinds["FULLY_CONNECTED"] == len(pointwise) + 1
    assert inspect_file(paths[1]).partitions == 1


def test_what_has_no_convolution_of_the_kind_stays_as_it_is() -> None:
    assert with_matrices(MATRICES) is MATRICES


def test_a_convolution_that_skips_positions_stays_one() -> None:
    model = unpack(INT8)
    graph = model.subgraphs[0]
    index = next(
        op.index
        for op in read_tflite(INT8).main.operators
        if op.kind.name == "CONV_2D" and op.kernel and op.kernel.shape[1:3] == (1, 1)
    )
    graph.operators[index].builtinOptions.strideW = 2
    kinds = [op.kind.name for op in read_tflite(with_matrices(pack(model))).main.operators]
    assert kinds[index] == "CONV_2D"


def test_weights_of_eight_bits_come_back_as_they_were(tmp_path: Path) -> None:
    again = with_kernels(MATRICES, own_kernels(8))
    np.testing.assert_array_equal(
        answer(written(tmp_path, again)), answer(written(tmp_path, MATRICES))
    )


@pytest.mark.parametrize("bits", [4, 2])
def test_few_bits_run_in_one_piece_and_hold_what_was_given(tmp_path: Path, bits: int) -> None:
    kernels = own_kernels(bits)
    path = written(tmp_path, with_kernels(MATRICES, kernels))
    for op in matrix_products(path.read_bytes()):
        assert op.kernel is not None and op.kernel.dtype == f"INT{bits}"
        np.testing.assert_array_equal(op.kernel.values, kernels[op.output.name].values)
    report, before = inspect_file(path), inspect_file(written(tmp_path, INT8))
    assert (report.partitions, report.delegated_ops) == (1, before.delegated_ops)
    left = sum(kernel.values.size for kernel in kernels.values())
    assert len(MATRICES) - path.stat().st_size == pytest.approx(left * (1 - bits / 8), rel=0.03)


def test_weights_that_two_layers_share_keep_their_bits() -> None:
    model = unpack(MATRICES)
    graph = model.subgraphs[0]
    same: dict[tuple[int, ...], int] = {}
    for op in matrix_products(MATRICES):
        assert op.kernel is not None
        first = same.setdefault(op.kernel.shape, op.index)
        if first != op.index:
            other = graph.operators[op.index]
            other.inputs = np.array([other.inputs[0], graph.operators[first].inputs[1], -1])
            break
    assert len(matrix_products(pack(model))) == len(matrix_products(MATRICES)) - 2


@pytest.mark.parametrize(
    ("bits", "inputs", "fitting"), [(2, 8, 2), (2, 6, 4), (4, 6, 4), (2, 5, 8), (8, 4, 8)]
)
def test_layers_get_the_fewest_bits_their_inputs_allow(
    bits: int, inputs: int, fitting: int
) -> None:
    op = matrix_products(MATRICES)[0]
    assert op.kernel is not None
    narrow = replace(op, kernel=replace(op.kernel, shape=(op.kernel.shape[0], inputs)))
    assert fitting_bits(narrow, bits) == fitting


def test_a_kernel_for_no_product_is_refused() -> None:
    [kernel] = list(own_kernels(4).values())[:1]
    with pytest.raises(StageError, match="no matrix product 'gone'"):
        with_kernels(MATRICES, {"gone": kernel})
    name = matrix_products(MATRICES)[1].output.name
    odd = replace(kernel, values=kernel.values[:, :-1])
    with pytest.raises(StageError, match="another shape"):
        with_kernels(MATRICES, {name: odd})


def test_a_bias_beyond_its_integers_is_clipped() -> None:
    name, kernel = next(iter(own_kernels(4).items()))
    file = with_kernels(MATRICES, {name: replace(kernel, bias=np.full_like(kernel.bias, 1e30))})
    [op] = [op for op in matrix_products(file) if op.output.name == name]
    assert op.inputs[2] is not None and op.inputs[2].values.min() == np.iinfo(np.int32).max
