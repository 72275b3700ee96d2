"""The stages of few bits in a row: what was rounded is reconstructed, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import Cancelled
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.measure.gates.matrices_equal import MATRICES_FILE
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.photos.pixels import write_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages import low_bits
from effq_core.store.manifest import LABELS_FILE, MODEL_FILE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.recipe import RECIPE_FILE
from tests.quantize.quantized_models import Quantized, small_net


class Link:
    """Hears how far a stage is, and cancels it after some blocks."""

    def __init__(self, blocks: int | None = None) -> None:
        self.most, self.told = blocks, list[tuple[int, int, str]]()

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.told.append((done, total, unit))

    def check_cancelled(self) -> None:
        if self.most is not None and sum(unit == "blocks" for *_, unit in self.told) > self.most:
            raise Cancelled("The run was cancelled.")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    found = {name: folder / name for name in ("int8", "float32", "calibration", "model")}
    for each in found.values():
        each.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3)).astype(np.uint8)
    model = Quantized(small_net(), images, folder)
    for form in ("int8", "float32"):
        shutil.copy(model.file(form), found[form] / MODEL_FILE)
    dataset = PhotoPatches()
    items = dataset.scan(SilentReporter()).items[:12]
    write_pixels(dataset, items, 12, 16, found["calibration"], SilentReporter())
    (found["model"] / "model.json").write_text(json.dumps({"labels": [{"name": "a"}] * 4}))
    return found


def context(inputs: dict[str, Path], folder: Path, link: Link, **params: Any) -> StageContext:
    for each in (folder / "out", folder / "scratch"):
        each.mkdir(parents=True)
    return StageContext(
        params=params,
        inputs=inputs,
        summaries={},
        out=folder / "out",
        scratch=folder / "scratch",
        home=Home(folder),
        link=link,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def rounded(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rounded")
    low_bits.moments(context(inputs, folder / "moments", Link()))
    given = {**inputs, "moments": folder / "moments" / "out"}
    low_bits.round_weights(context(given, folder / "file", Link(), bits=4, rule="reconstruct"))
    (folder / "file" / "out" / RECIPE_FILE).write_text("{}")
    return {**inputs, "file": folder / "file" / "out"}


def test_a_rounded_file_is_reconstructed_with_what_lies_beside_it(
    rounded: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effq_core.quantize.reconstruct.STEPS", 4)
    link = Link()
    summary = low_bits.reconstruct(context(rounded, tmp_path, link, rule="reconstruct", seed=1))
    before, after = (
        read_tflite(folder / MODEL_FILE).main for folder in (rounded["file"], tmp_path / "out")
    )
    assert [t.dtype for t in after.tensors] == [t.dtype for t in before.tensors]
    assert "INT4" in {tensor.dtype for tensor in after.tensors}
    assert summary["rule"] == "reconstruct", "what a table shows"
    assert summary["images"] == 12 and summary["blocks"]
    assert all(block["before"] > 0 for block in summary["blocks"])
    assert summary["bytes"] == (tmp_path / "out" / MODEL_FILE).stat().st_size
    for name in (MATRICES_FILE, RECIPE_FILE):
        assert (tmp_path / "out" / name).read_bytes() == (rounded["file"] / name).read_bytes()
    assert (tmp_path / "out" / LABELS_FILE).read_text().split() == ["a"] * 4
    assert link.told[-1] == (2, 2, "blocks")


def test_it_can_be_cancelled_between_steps(rounded: dict[str, Path], tmp_path: Path) -> None:
    link = Link(blocks=1)
    with pytest.raises(Cancelled):
        low_bits.reconstruct(context(rounded, tmp_path, link, rule="reconstruct", seed=1))
    assert link.told[-1][0] == 1
