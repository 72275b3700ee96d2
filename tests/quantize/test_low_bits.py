"""Files of few bits, made of the reference run's float32 and int8 files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import Cancelled, StageError
from effq_core.base.reporting import SilentReporter
from effq_core.measure.gates.one_partition import one_partition_gate
from effq_core.measure.gates.weight_bits import weight_bits_gate
from effq_core.quantize.low_bits import float_kernels, round_kernels
from effq_core.quantize.moments import Moments, collect_moments, load_moments, save_moments
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.registry import inspect_file, open_session
from effq_core.tflite.matrices import matrix_products, with_kernels, with_matrices

FILES = REFERENCE_FOLDER / "files"
FLOAT32, INT8 = ((FILES / name / "model.tflite").read_bytes() for name in ("float32", "int8"))
MATRICES = with_matrices(INT8)
PRODUCTS = matrix_products(MATRICES)
NAMES = [op.output.name for op in PRODUCTS]
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def matrices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("matrices") / "model.tflite"
    path.write_bytes(MATRICES)
    return path


@pytest.fixture(scope="module")
def moments(matrices: Path) -> dict[str, Moments]:
    return collect_moments(matrices, IMAGES, SilentReporter())


def test_moments_are_of_what_enters_a_product(matrices: Path, moments: dict[str, Moments]) -> None:
    assert list(moments) == NAMES
    op = PRODUCTS[-1]  # Dense: one position a photo
    tensor = op.inputs[0]
    assert tensor is not None and tensor.grid is not None
    session, rows = open_session(matrices, keep_values=True), []
    for image in IMAGES:
        session.feed((image[None].astype(np.int16) - 128).astype(np.int8))
        session.invoke()
        scale, zero_point = tensor.grid
        rows.append((session.value(tensor.index).reshape(-1).astype(float) - zero_point) * scale)
    seen = np.array(rows)
    found = moments[op.output.name]
    np.testing.assert_allclose(found.second, seen.T @ seen / len(seen), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.mean, seen.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_moments_come_back_as_they_were_saved(tmp_path: Path, moments: dict[str, Moments]) -> None:
    save_moments(moments, tmp_path)
    again = load_moments(tmp_path)
    assert again.keys() == moments.keys()
    for name, each in moments.items():
        np.testing.assert_array_equal(again[name].second, each.second)
        np.testing.assert_array_equal(again[name].mean, each.mean)


@pytest.mark.parametrize("rule", ["nearest", "gptq"])
def test_the_file_keeps_its_gates_and_answers_nearly_alike(
    rule: str, tmp_path: Path, matrices: Path, moments: dict[str, Moments]
) -> None:
    few = dict.fromkeys(NAMES[-3:], 4)
    kernels = round_kernels(MATRICES, FLOAT32, rule, few, moments, SilentReporter())
    assert list(kernels) == NAMES[-3:]
    floats = float_kernels(FLOAT32)
    for name, kernel in kernels.items():
        weights, second = floats[name][0], moments[name].second
        wrong = kernel.weights - weights
        assert np.sum(wrong @ second * wrong) < 0.03 * np.sum(weights @ second * weights)
    path = tmp_path / "few.tflite"
    path.write_bytes(with_kernels(MATRICES, kernels))
    before = inspect_file(matrices)
    assert one_partition_gate(inspect_file(path), before, "int8").passed
    gate = weight_bits_gate(path, 4)
    assert not gate.passed and gate.value == len(NAMES) - 3  # the others were left at 8 bits


def test_a_product_whose_float_weights_are_missing_is_a_bug_and_said(
    moments: dict[str, Moments],
) -> None:
    with pytest.raises(StageError, match="no weights for"):
        round_kernels(MATRICES, INT8, "nearest", dict.fromkeys(NAMES, 4), moments, SilentReporter())


def test_cancelling_ends_it() -> None:
    class Stop(SilentReporter):
        def check_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        round_kernels(MATRICES, FLOAT32, "nearest", dict.fromkeys(NAMES, 4), None, Stop())
