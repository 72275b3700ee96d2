"""Block reconstruction: a file's blocks come closer to what the float model's give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from quantized_models import SILENT, Quantized, small_net

from effq_core.base.errors import DatasetError
from effq_core.quantize.reconstruct import Reconstruction, float_outputs
from effq_core.quantize.trunk import run_trunk
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.cutting import entering, parts
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import with_integers
from tests.quantize.trained_files import few_bits

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    """The small net, calibrated on images that differ more than photos of 16 pixels do."""
    return Quantized(small_net(), IMAGES, tmp_path_factory.mktemp("noise"))


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effq_core.quantize.reconstruct.STEPS", 12)


def names_of(content: bytes) -> set[str]:
    return {op.output.name for op in read_tflite(content).main.operators}


def reconstruction(content: bytes, model: Quantized, folder: Path, n: int = 16) -> Reconstruction:
    float32 = model.file("float32").read_bytes()
    return Reconstruction(content, float32, IMAGES[:n], folder, SILENT, seed=0)


def test_what_the_last_block_gives_comes_closer_to_the_float_models(
    noise: Quantized, few_steps: None, tmp_path: Path
) -> None:
    content, float32 = few_bits(noise, 4), noise.file("float32").read_bytes()
    run = reconstruction(content, noise, tmp_path)
    made = with_integers(content, run.run())
    graph, (_, end) = read_tflite(content).main, parts(content, names_of(float32))[-1]
    tensor = entering(graph, end)
    [wanted] = float_outputs(float32, [tensor.name], IMAGES, tmp_path, SILENT)
    assert tensor.grid is not None
    errors = []
    for name, file in {"before": content, "after": made}.items():
        run_trunk(file, end, IMAGES, tmp_path / f"{name}.npy", SILENT)
        found = (np.load(tmp_path / f"{name}.npy") - float(tensor.grid[1])) * tensor.grid[0]
        errors.append(np.mean((found - wanted) ** 2) / np.var(wanted))
    assert errors[1] < 0.7 * errors[0]
    told = run.blocks[-1]
    assert told.output == tensor.name and told.after < 0.7 * told.before
    again = [(tensor.dtype, tensor.shape) for tensor in read_tflite(made).main.tensors]
    assert again == [(tensor.dtype, tensor.shape) for tensor in graph.tensors]


def test_a_block_that_training_made_worse_stays_as_it_was(
    noise: Quantized, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("effq_core.quantize.reconstruct._RATE", 50.0)
    content = few_bits(noise, 4)
    run = reconstruction(content, noise, tmp_path)
    made, graph = read_tflite(with_integers(content, run.run())).main, read_tflite(content).main
    for new, old in zip(made.tensors, graph.tensors, strict=True):
        assert new.data.tobytes() == old.data.tobytes(), old.name
    assert run.blocks and all(block.after >= block.before for block in run.blocks)


def test_the_same_seed_gives_the_same_file(
    noise: Quantized, few_steps: None, tmp_path: Path
) -> None:
    content = few_bits(noise, 4)
    one, two = (reconstruction(content, noise, tmp_path).run() for _ in range(2))
    assert one.keys() == two.keys() and len(one) > 0
    for index, values in one.items():
        np.testing.assert_array_equal(values, two[index])


def test_float_outputs_are_what_the_float_model_gives(noise: Quantized, tmp_path: Path) -> None:
    path = noise.file("float32")
    graph = read_tflite(path).main
    names = [graph.operators[1].output.name, graph.outputs[0].name]
    inner, answers = float_outputs(path.read_bytes(), names, IMAGES, tmp_path, SILENT)
    wanted = ModelPool(path).predict_many(IMAGES)
    np.testing.assert_allclose(answers, wanted, atol=1e-3)
    assert inner.shape == (len(IMAGES), *graph.operators[1].output.shape[1:])


def test_one_photo_is_too_few(noise: Quantized, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="One photo"):
        reconstruction(few_bits(noise, 4), noise, tmp_path, n=1)
