"""What layers with float activations get: 4 bits in groups, or by output, or 8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import Cancelled
from effq_core.base.reporting import SilentReporter
from effq_core.measure.gates.one_partition import one_partition_gate
from effq_core.measure.gates.weight_bits import dynamic_bits_gate
from effq_core.measure.gates.xnnpack_vs_reference import kernels_gate
from effq_core.quantize.dynamic import MOST_ERROR, Choice, dynamic_kernels, relative_error
from effq_core.quantize.low_bits import float_kernels, round_kernels
from effq_core.quantize.moments import collect_moments
from effq_core.quantize.rounding.squant.solve import squant_integers
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.hybrid import hybrid_layers, with_hybrid_kernels
from effq_core.tflite.matrices import fitting_bits, matrix_products, with_kernels, with_matrices
from effq_core.tflite.rewriting import pack
from tests.tflite.small_files import IMAGES, float32_file, int8_file

SILENT = SilentReporter()
FILES = REFERENCE_FOLDER / "files"


def made(content: bytes, bits: int) -> tuple[bytes, dict[str, Choice]]:
    chosen = dynamic_kernels(content, bits, SILENT)
    kernels = {name: choice.kernel for name, choice in chosen.items()}
    return with_hybrid_kernels(content, kernels), chosen


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def widths(content: bytes, chosen: dict[str, Choice]) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Bits and shape of scales by the number of a matrix product's inputs."""
    return {
        op.kernel.shape[-1]: (choice.kernel.bits, choice.kernel.scales.shape[1:])
        for op in hybrid_layers(content)
        if op.kind.name == "FULLY_CONNECTED" and op.kernel
        for choice in [chosen[op.output.name]]
    }


def uneven() -> bytes:
    """The small file, whose 32-input product has a weight beside which the others are small."""
    model = unpack(with_matrices(float32_file()))
    [op] = [op for op in hybrid_layers(pack(model)) if op.kernel and op.kernel.shape == (64, 32)]
    assert op.kernel is not None
    weights = op.kernel.values.copy()
    weights[:, ::2] *= 0.2
    weights[:, ::8] *= 4
    model.buffers[op.kernel.buffer].data = weights.reshape(-1).view(np.uint8)
    return pack(model)


def test_each_layer_gets_what_its_inputs_and_its_error_allow() -> None:
    _, chosen = made(with_matrices(float32_file()), 4)
    found = widths(with_matrices(float32_file()), chosen)
    assert found[3] == found[5] == (8, ()), "odd numbers of inputs"
    assert {choice.error is None for choice in chosen.values()} == {True, False}
    for choice in chosen.values():
        few = choice.kernel.bits == 4
        assert few is (choice.error is not None and choice.error <= MOST_ERROR)
    even, uneven_file = found[32], uneven()
    assert even == (4, (1,))
    assert widths(uneven_file, made(uneven_file, 4)[1])[32] == (8, ()), "4 bits err too much"


def test_channels_of_zeros_stay_zeros() -> None:
    content = with_matrices(float32_file())
    for bits in (8, 4):
        for name, choice in made(content, bits)[1].items():
            zero = ~float_kernels(content)[name][0].any(axis=1)
            assert zero.any() and not choice.kernel.values[zero].any()
            assert np.isfinite(choice.kernel.scales).all() and (choice.kernel.scales > 0).all()


@pytest.mark.usefixtures("xnnpack")
@pytest.mark.parametrize("bits", [8, 4])
def test_the_file_passes_its_gates(bits: int, tmp_path: Path) -> None:
    source = float32_file() if bits == 8 else with_matrices(float32_file())
    content, chosen = made(source, bits)
    path, before = written(tmp_path / "a.tflite", content), written(tmp_path / "b.tflite", source)
    assert one_partition_gate(inspect_file(path), inspect_file(before), "float32").passed
    wide = [name for name, each in chosen.items() if (each.error or 0) > MOST_ERROR]
    gate = dynamic_bits_gate(content, float32_file(), bits, wide, MOST_ERROR)
    assert gate.passed and gate.facts is not None and gate.facts["floats"] == 1, gate.text
    assert (gate.facts["grouped"] > 0) is (bits == 4)
    assert kernels_gate(path, IMAGES).passed


def test_a_file_whose_weights_are_others_than_asked_fails() -> None:
    float32 = float32_file()
    content, _ = made(uneven(), 4)
    assert not dynamic_bits_gate(content, uneven(), 4).passed, "8 bits nobody asked for"
    eight, _ = made(with_matrices(float32), 8)
    assert not dynamic_bits_gate(eight, float32, 4).passed
    by_converter = dynamic_bits_gate(float32_file(dynamic_range=True), float32, 8)
    assert not by_converter.passed, "a depthwise layer in 8 bits"
    model = unpack(made(with_matrices(float32), 4)[0])
    scales = next(each for each in model.subgraphs[0].tensors if each.name.endswith(b"/scales"))
    model.buffers[scales.buffer].data = np.roll(
        model.buffers[scales.buffer].data.view("u2"), 1
    ).view("u1")
    assert not dynamic_bits_gate(pack(model), float32, 4, limit=MOST_ERROR).passed


def test_eight_bits_are_those_of_tensorflows_converter() -> None:
    [theirs, ours] = [
        {op.output.name: op.kernel for op in read_tflite(each).main.operators if op.kernel}
        for each in (float32_file(dynamic_range=True), made(float32_file(), 8)[0])
    ]
    same = 0
    for name, kernel in theirs.items():
        if kernel.dtype == "INT8" == ours[name].dtype:
            same += 1
            some = kernel.values.reshape(len(kernel.values), -1).any(axis=1)
            np.testing.assert_allclose(kernel.scales[some], ours[name].scales[some], rtol=1e-6)
            assert np.abs(kernel.values.astype(int) - ours[name].values).max() <= 1
    assert same


@pytest.mark.usefixtures("xnnpack")
def test_depthwise_layers_in_floats_keep_dynamic_range_in_one_piece(tmp_path: Path) -> None:
    float32 = (FILES / "float32" / "model.tflite").read_bytes()
    path = written(tmp_path / "ours.tflite", made(float32, 8)[0])
    ours, before = inspect_file(path), inspect_file(FILES / "float32" / "model.tflite")
    theirs = inspect_file(FILES / "dynamic_range" / "model.tflite")  # made by TensorFlow
    assert one_partition_gate(ours, before, "float32").passed
    assert not one_partition_gate(theirs, before, "float32").passed
    assert theirs.partitions == 17
    assert ours.size_bytes < 1.04 * theirs.size_bytes


@pytest.mark.parametrize("rule", ["nearest", "gptq", "squant"])
def test_integer_files_take_odd_channels_and_zeros_too(rule: str, tmp_path: Path) -> None:
    matrices = with_matrices(int8_file())
    path = written(tmp_path / "matrices.tflite", matrices)
    bits = {op.output.name: fitting_bits(op, 4) for op in matrix_products(matrices)}
    assert sorted(bits.values()) == [4, 4, 4, 8, 8], "3 and 5 inputs stay in 8 bits"
    kernels = round_kernels(
        matrices, float32_file(), rule, bits, collect_moments(path, IMAGES, SILENT), SILENT
    )
    for name, kernel in kernels.items():
        [op] = [op for op in matrix_products(matrices) if op.output.name == name]
        step = op.inputs[0].grid[0] * kernel.scales  # type: ignore[index, union-attr]
        assert not kernel.values[1].any()
        assert (np.abs(kernel.bias) / step < 2**31).all(), "what has no weights keeps its bias"
    few = written(tmp_path / "few.tflite", with_kernels(matrices, kernels))
    assert inspect_file(few).partitions == inspect_file(path).partitions
    assert kernels_gate(few, IMAGES).passed


def test_squants_errors_cancel_out() -> None:
    random = np.random.default_rng(2)
    weights, scales = random.normal(0, 1, (20, 96)), random.uniform(0.6, 0.8, (20, 96))
    found = weights - squant_integers(weights, scales, 4) * scales
    nearest = weights - np.clip(np.round(weights / scales), -8, 7) * scales
    assert (np.abs(found.sum(axis=1)) <= 0.5 * scales.max() + 1e-9).all()
    assert np.abs(nearest.sum(axis=1)).mean() > 5 * np.abs(found.sum(axis=1)).mean()
    assert (np.abs(found) <= scales).all(), "no weight moves by more than a step"


def test_a_layer_of_zeros_errs_by_nothing() -> None:
    weights = np.zeros((2, 32))
    [choice] = [each for each in made(with_matrices(float32_file()), 4)[1].values()
                if each.kernel.values.shape == (64, 32)]  # fmt: skip
    assert relative_error(weights[:0], choice.kernel) == 0.0


def test_cancelling_ends_it() -> None:
    class Stop(SilentReporter):
        def check_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        dynamic_kernels(float32_file(), 8, Stop())
