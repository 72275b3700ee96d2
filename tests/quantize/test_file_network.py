"""An integer file as a network: it answers alike, trains on the file's grids, and goes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from quantized_models import SILENT, Quantized

from effq_core.base.errors import ModelError
from effq_core.experiment import Qat
from effq_core.experiment.low_bits import WHOLE
from effq_core.models.weights import read_weights, write_weights
from effq_core.quantize.file_operators import compute
from effq_core.quantize.file_values import product_floats, started_values, trained_integers
from effq_core.quantize.finetune import FineTuning, predict
from effq_core.quantize.trunk import run_trunk
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.cutting import first_operator
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import matrix_products, with_integers
from effq_core.tflite.operators import operator_kind
from tests.quantize.finetune_runs import IMAGES
from tests.quantize.trained_files import few_bits, network_of


def file_answers(content: bytes, folder: Path, images: np.ndarray = IMAGES) -> np.ndarray:
    path = folder / "answers.tflite"
    path.write_bytes(content)
    return ModelPool(path).predict_many(images)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_untrained_it_answers_as_the_file(small: Quantized, bits: int, tmp_path: Path) -> None:
    content = few_bits(small, bits)
    found = predict(network_of(small, content), IMAGES, SILENT)
    assert np.abs(found - file_answers(content, tmp_path)).max() < 0.02
    assert np.ptp(found, axis=0).max() > 0.2, "images that all get the same answer tell nothing"


@pytest.mark.parametrize("family", ["lite0", "v2"])
def test_the_networks_of_both_families_answer_as_their_files(
    family: str, request: pytest.FixtureRequest, photos: np.ndarray, tmp_path: Path
) -> None:
    model = request.getfixturevalue(family)
    content = few_bits(model, 8)
    found = predict(network_of(model, content), photos, SILENT)
    file = file_answers(content, tmp_path, photos)
    assert np.corrcoef(found.ravel(), file.ravel())[0, 1] > 0.99
    assert (found.argmax(axis=1) == file.argmax(axis=1)).sum() >= len(photos) - 1


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_what_was_not_trained_is_written_as_it_was(
    small: Quantized, bits: int, tmp_path: Path
) -> None:
    content = few_bits(small, bits)
    write_weights(network_of(small, content), tmp_path / "w.npz")
    integers = trained_integers(content, read_weights(tmp_path / "w.npz"))
    graph = read_tflite(content).main
    weighted = [op for op in graph.operators if op.kernel is not None]
    assert len(integers) == len(matrix_products(content)) + len(weighted), "kernels, and biases"
    for index, values in integers.items():
        np.testing.assert_array_equal(values, graph.tensors[index].values)
    again = read_tflite(with_integers(content, integers)).main
    for old, new in zip(graph.tensors, again.tensors, strict=True):
        assert old.data.tobytes() == new.data.tobytes()


def test_training_starts_at_the_float_weights_where_they_round_alike(small: Quantized) -> None:
    content = few_bits(small, 4)
    floats = product_floats(content, small.file("float32").read_bytes())
    for op in matrix_products(content):
        assert op.kernel is not None
        start = started_values(op, op.kernel, floats[op.output.name]).T
        wanted, step = floats[op.output.name], op.kernel.scales[:, None]
        np.testing.assert_array_equal(np.round(start / step), op.kernel.values)
        assert np.abs(start - wanted).mean() < 0.2 * np.abs(op.kernel.values * step - wanted).mean()


@pytest.mark.parametrize("block", [WHOLE, "project"])
def test_training_brings_the_file_nearer_to_its_teacher(
    small: Quantized, block: str, tmp_path: Path
) -> None:
    content = few_bits(small, 2)
    teacher = ModelPool(small.file("float32")).predict_many(IMAGES)
    first = first_operator(content, block)
    entering = IMAGES
    if first:
        run_trunk(content, first, IMAGES, tmp_path / "entering.npy", SILENT)
        entering = np.load(tmp_path / "entering.npy", mmap_mode="r")
    network = network_of(small, content, first=first)
    history, best = FineTuning(
        network,
        images=entering,
        targets=teacher,
        truth=teacher.argmax(axis=1),
        settings=Qat(epochs=8, learning_rate=1e-2, batch_size=8, validation_share=0.2),
        seed=3,
        folder=tmp_path / "epochs",
        reporter=SILENT,
        keeps_start=True,
    ).run()
    assert best.epoch > 0 and best.validation_loss < history[0].validation_loss
    write_weights(network, tmp_path / "w.npz")
    integers = trained_integers(content, read_weights(tmp_path / "w.npz"))
    written = with_integers(content, integers)
    before, after = file_answers(content, tmp_path), file_answers(written, tmp_path)
    assert np.abs(after - teacher).mean() < 0.9 * np.abs(before - teacher).mean()
    assert np.abs(after - predict_part(network, entering)).max() < 0.03, "the file is the network"
    old, new = read_tflite(content).main, read_tflite(written).main
    changed = {
        op.index
        for a, op in zip(old.operators, new.operators, strict=True)
        if a.kernel is not None
        and op.kernel is not None
        and not np.array_equal(a.kernel.values, op.kernel.values)
    }
    assert changed and min(changed) >= first
    assert [t.scales.tolist() for t in old.tensors] == [t.scales.tolist() for t in new.tensors]


def predict_part(network: object, entering: np.ndarray) -> np.ndarray:
    return np.asarray(network(entering.astype(np.float32)))  # type: ignore[operator]


def test_a_start_nothing_beats_is_kept(small: Quantized, tmp_path: Path) -> None:
    content = few_bits(small, 8)
    network = network_of(small, content)
    teacher = predict(network, IMAGES, SILENT)
    before = network.get_weights()
    _, best = FineTuning(
        network,
        images=IMAGES,
        targets=teacher,
        truth=teacher.argmax(axis=1),
        settings=Qat(epochs=1, learning_rate=0.1, batch_size=8, validation_share=0.2),
        seed=3,
        folder=tmp_path,
        reporter=SILENT,
        keeps_start=True,
    ).run()
    assert best.epoch == 0
    for a, b in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_operator_nobody_knows_is_refused_by_its_name(small: Quantized) -> None:
    op = read_tflite(small.file("int8")).main.operators[0]
    with pytest.raises(ModelError, match="cannot train through the operator L2_NORMALIZATION"):
        compute(replace(op, kind=operator_kind("L2_NORMALIZATION")), [])
