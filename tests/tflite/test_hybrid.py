"""Integer weights for float activations, of one scale an output or a group of inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StageError
from effq_core.runtimes.model import ModelPool
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.file import Operator, read_tflite, unpack
from effq_core.tflite.hybrid import (
    GROUP,
    LEAST_SCALE,
    HybridKernel,
    hybrid_layers,
    is_hybrid,
    with_float_kernels,
    with_hybrid_kernels,
)
from effq_core.tflite.matrices import with_matrices
from effq_core.tflite.packing import largest
from effq_core.tflite.rewriting import pack
from tests.tflite.small_files import IMAGES, SIDE, float32_file


def source() -> bytes:
    return with_matrices(float32_file())


def kernel_of(op: Operator) -> HybridKernel:
    """A layer's weights in 4 bits, in groups where they divide; in 8 where XNNPACK wants that."""
    assert op.kernel is not None
    weights = op.kernel.weights.reshape(op.kernel.shape[0], -1).astype(np.float64)
    outputs, inputs = weights.shape
    is_product = op.kind.name == "FULLY_CONNECTED"
    bits = 4 if is_product and inputs % 2 == 0 else 8
    size = GROUP if is_product and inputs % GROUP == 0 else inputs
    scales = np.abs(weights.reshape(outputs, -1, size)).max(axis=2) / largest(bits)
    scales = np.maximum(scales, LEAST_SCALE).astype(np.float16).astype(np.float64)
    values = np.clip(np.round(weights / np.repeat(scales, size, axis=1)), -8 if bits == 4 else -127,
                     largest(bits)).astype(np.int8)  # fmt: skip
    return HybridKernel(values=values, scales=scales if size == GROUP else scales[:, 0], bits=bits)


def small() -> tuple[bytes, dict[str, HybridKernel]]:
    kernels = {op.output.name: kernel_of(op) for op in hybrid_layers(source())}
    return with_hybrid_kernels(source(), kernels), kernels


def answers(content: bytes, path: Path) -> np.ndarray:
    path.write_bytes(content)
    return ModelPool(path).predict_many(IMAGES)


def test_what_was_given_is_read_again() -> None:
    content, kernels = small()
    found = {op.output.name: op for op in read_tflite(content).main.operators if op.kernel}
    assert {kernel.scales.shape[1:] for kernel in kernels.values()} == {(), (1,), (2,)}
    for name, given in kernels.items():
        kernel = found[name].kernel
        assert kernel is not None and kernel.dtype == f"INT{given.bits}" and is_hybrid(found[name])
        np.testing.assert_array_equal(kernel.values.reshape(given.values.shape), given.values)
        np.testing.assert_allclose(kernel.scales, given.scales, rtol=1e-6)
        np.testing.assert_allclose(
            kernel.weights.reshape(given.values.shape), given.weights, rtol=1e-5, atol=1e-9
        )
        assert kernel.grid is None or kernel.scales.ndim == 1


def test_depthwise_kernels_stay_floats() -> None:
    content, kernels = small()
    kinds = {op.kind.name for op in hybrid_layers(source())}
    assert kinds == {"CONV_2D", "FULLY_CONNECTED"}
    for op in read_tflite(content).main.operators:
        if op.kind.name == "DEPTHWISE_CONV_2D":
            assert op.kernel is not None and op.kernel.dtype == "FLOAT32"
            assert op.output.name not in kernels and not is_hybrid(op)


@pytest.mark.usefixtures("xnnpack")
def test_it_runs_in_one_piece_and_answers_as_its_weights_do_in_floats(tmp_path: Path) -> None:
    content, _ = small()
    found = answers(content, tmp_path / "few.tflite")
    report = inspect_file(tmp_path / "few.tflite")
    assert (report.partitions, report.delegated_ops) == (1, report.main_ops)
    assert {"INT4", "INT8", "FLOAT16"} <= report.weight_bytes.keys()
    floats = with_float_kernels(content)
    assert not any(op.kernel and op.kernel.dtype == "INT4" for op in
                   read_tflite(floats).main.operators)  # fmt: skip
    exact = answers(floats, tmp_path / "floats.tflite")
    assert np.abs(found - exact).max() < 0.03 < np.ptp(exact, axis=0).max()


def test_what_has_no_few_bits_stays_as_it_is() -> None:
    assert with_float_kernels(source()) is not None
    assert with_float_kernels(float32_file()) is float32_file()
    eight = float32_file(dynamic_range=True)
    assert with_float_kernels(eight) is eight


def test_weights_of_several_layers_and_of_groups_of_channels_stay_floats() -> None:
    model = unpack(source())
    graph = model.subgraphs[0]
    *_, last = [op for op in hybrid_layers(source()) if op.kind.name == "CONV_2D"]
    assert last.inputs[1] is not None and last.inputs[0] is not None
    graph.tensors[last.inputs[0].index].shape = np.array([1, SIDE, SIDE, 128], np.int32)
    names = {op.output.name for op in hybrid_layers(pack(model))}
    assert names == {op.output.name for op in hybrid_layers(source())} - {last.output.name}
    model = unpack(source())
    graph = model.subgraphs[0]
    first, second = [op for op in hybrid_layers(source()) if op.kind.name == "FULLY_CONNECTED"][:2]
    kernel = graph.operators[first.index].inputs[1]
    reader = graph.operators[second.index]
    reader.inputs = np.array([reader.inputs[0], kernel, *reader.inputs[2:]], np.int32)
    assert len(hybrid_layers(pack(model))) == len(hybrid_layers(source())) - 2


def test_a_kernel_for_no_layer_is_refused() -> None:
    [kernel, *_] = small()[1].values()
    with pytest.raises(StageError, match="no layer 'gone'"):
        with_hybrid_kernels(source(), {"gone": kernel})


@pytest.mark.usefixtures("xnnpack")
def test_a_group_of_zeros_has_a_scale_that_xnnpack_takes(tmp_path: Path) -> None:
    name, kernel = next(
        (name, each) for name, each in small()[1].items() if each.scales.shape[1:] == (1,)
    )
    assert (kernel.scales[1] == np.float64(np.float16(LEAST_SCALE))).all() and not kernel.values[
        1
    ].any()
    path = tmp_path / "zeros.tflite"
    path.write_bytes(with_hybrid_kernels(source(), {name: kernel}))
    assert inspect_file(path).partitions == 1
