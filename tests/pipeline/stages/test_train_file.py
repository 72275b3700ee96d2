"""A file of few bits trained by its stages: from photos to a file, with its check; resumed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import Cancelled, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.photos.pixels import read_pixels, write_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages import train_file
from effq_core.quantize.low_bits import round_kernels
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.model import ModelPool
from effq_core.store.manifest import HISTORY_FILE, KERAS_FILE, MODEL_FILE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import fitting_bits, matrix_products, with_kernels, with_matrices

FILES = REFERENCE_FOLDER / "files"
SETTINGS = {"epochs": 2, "learning_rate": 1e-4, "batch_size": 8, "validation_share": 0.25}
PARAMS = {"qat": SETTINGS, "seed": 1, "class_map": [], "train_from": "block6h"}


class Link:
    """Hears what a stage says, and cancels after some epochs."""

    def __init__(self, epochs: int | None = None) -> None:
        self.most, self.events = epochs, list[str]()

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        assert 0 <= done <= total

    def event(self, kind: str, **values: Any) -> None:
        self.events.append(kind)

    def check_cancelled(self) -> None:
        if self.most is not None and self.events.count("epoch") >= self.most:
            raise Cancelled("The run was cancelled.")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Twenty photos, and the reference's file with 2-bit weights rounded to nearest."""
    folder = tmp_path_factory.mktemp("inputs")
    found = {name: folder / name for name in ("file", "training", "model")}
    for each in found.values():
        each.mkdir()
    dataset = PhotoPatches()
    items = dataset.scan(SilentReporter()).items
    chosen = [items[i * len(items) // 20] for i in range(20)]
    write_pixels(dataset, chosen, 20, 224, found["training"], SilentReporter())
    matrices = with_matrices((FILES / "int8" / MODEL_FILE).read_bytes())
    float32 = (FILES / "float32" / MODEL_FILE).read_bytes()
    widths = {op.output.name: fitting_bits(op, 2) for op in matrix_products(matrices)}
    kernels = round_kernels(matrices, float32, "nearest", widths, None, SilentReporter())
    (found["file"] / MODEL_FILE).write_bytes(with_kernels(matrices, kernels))
    labels = [{"name": str(n)} for n in range(10)]
    (found["model"] / "model.json").write_text(json.dumps({"labels": labels}))
    return {**found, "float32": FILES / "float32", "evaluation": found["training"]}


def context(inputs: dict[str, Path], folder: Path, link: Link, **params: Any) -> StageContext:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return StageContext(
        params=params,
        inputs=inputs,
        summaries={"file": {"rule": "nearest"}},
        out=out,
        scratch=folder / "scratch",
        home=Home(folder),
        link=link,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def trained(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Trained in two goes: cancelled after the first epoch, and resumed."""
    folder, again = tmp_path_factory.mktemp("trained"), Link()
    with pytest.raises(Cancelled):
        train_file.train(context(inputs, folder, Link(epochs=2), **PARAMS))
    entering = (folder / "scratch" / "entering.npy").stat().st_mtime_ns
    summary = train_file.train(context(inputs, folder, again, **PARAMS))
    assert (folder / "scratch" / "entering.npy").stat().st_mtime_ns == entering, "computed once"
    assert again.events == ["resumed", "epoch"]
    return {"summary": summary, "weights": folder / "out"}


def test_the_summary_is_that_of_any_fine_tuning(trained: dict[str, Any]) -> None:
    summary = trained["summary"]
    history = json.loads((trained["weights"] / HISTORY_FILE).read_text())
    assert summary["history"] == history and [each["epoch"] for each in history] == [0, 1, 2]
    assert summary["images"] == 15 and history[0]["n"] == 5
    assert summary["loss"] == "distill" and summary["train_from"] == "block6h"
    assert min(each["validation_loss"] for each in history[1:]) < history[0]["validation_loss"]


def test_the_file_answers_as_the_network_that_was_trained(
    trained: dict[str, Any], inputs: dict[str, Path], tmp_path: Path
) -> None:
    given = {**inputs, "weights": trained["weights"]}
    train_file.predict(context(given, tmp_path / "keras", Link()))
    summary = train_file.write(context(given, tmp_path / "file", Link()))
    assert summary["rule"] == "nearest", "the rule of the file it was trained from"
    path = tmp_path / "file" / "out" / MODEL_FILE
    images = read_pixels(inputs["training"])[0]
    file = ModelPool(path).predict_many(images)
    keras = np.load(tmp_path / "keras" / "out" / KERAS_FILE)
    start = ModelPool(inputs["file"] / MODEL_FILE).predict_many(images)
    assert np.abs(keras - file).mean() < 0.5 * np.abs(start - file).mean()
    before = read_tflite(inputs["file"] / MODEL_FILE).main
    after = read_tflite(path).main
    changed = [
        op.index
        for op, old in zip(after.operators, before.operators, strict=True)
        if any(
            a is not None and a.data.tobytes() != b.data.tobytes()
            for a, b in zip(op.inputs, old.inputs, strict=True)
            if b is not None
        )
    ]
    assert changed and all("block6h" in after.operators[i].output.name or i > 250 for i in changed)


def test_a_block_there_is_not_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no block 'block9a'"):
        train_file.train(context(inputs, tmp_path, Link(), **{**PARAMS, "train_from": "block9a"}))
