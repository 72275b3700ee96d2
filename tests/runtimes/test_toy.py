"""Files of a runtime from outside the package go the way of every file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import CATALOGUE
from effq_core.measure.latency_probe import measure_here
from effq_core.measure.sitting import probe
from effq_core.photos.index import ImageItem, items_to_json
from effq_core.photos.pixels import ITEMS_FILE, PIXELS_FILE
from effq_core.pipeline.context import Link, StageContext
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import StageSpec, StageTask, in_parts
from effq_core.pipeline.stages import measure
from effq_core.runtimes.registry import RUNTIMES
from tests.runtimes.toy import SIDE, Toy, write_toy

PHOTOS = 20


@pytest.fixture
def folders(tmp_path: Path, toy: Toy) -> dict[str, Path]:
    """Artifacts: a file of the toy runtime, and photos labelled as it answers, but for one."""
    file, photos = tmp_path / "file", tmp_path / "photos"
    file.mkdir()
    photos.mkdir()
    matrix = write_toy(file / f"model{toy.suffix}")
    pixels = np.random.default_rng(1).integers(0, 256, (PHOTOS, SIDE, SIDE, 3)).astype(np.uint8)
    answers = (pixels.reshape(PHOTOS, -1).astype(np.float32) @ matrix).argmax(axis=1)
    answers[3] = (answers[3] + 1) % matrix.shape[1]
    np.save(photos / PIXELS_FILE, pixels)
    items = [ImageItem(f"{n}.jpg", int(c), None, f"{n:064x}") for n, c in enumerate(answers)]
    (photos / ITEMS_FILE).write_text(json.dumps({"items": items_to_json(items)}))
    return {"file": file, "evaluation": photos}


def context(tmp_path: Path, inputs: dict[str, Path], **params: Any) -> StageContext:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    spec = StageSpec(name="evaluate:toy", stage=get_stage("measure:evaluate"))
    task = StageTask(run_id="r", spec=spec, fingerprint="f", inputs={}, home=str(tmp_path),
                     topic="topic")  # fmt: skip
    return StageContext(
        params=params, inputs=inputs, summaries={}, out=out, scratch=tmp_path,
        home=Home(tmp_path), link=Link(task, lambda message: None),
    )  # fmt: skip


def test_its_files_are_evaluated(folders: dict[str, Path], tmp_path: Path) -> None:
    found = measure.evaluate(context(tmp_path, folders, class_map=[]))
    assert found == {"n": PHOTOS, "top1": (PHOTOS - 1) / PHOTOS}


def test_what_is_measured_depends_on_the_version_of_its_library(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replace(CATALOGUE["float16"], runtime=toy.name)
    monkeypatch.setitem(CATALOGUE._rows, "float16", runs)
    monkeypatch.setitem(RUNTIMES._rows, toy.name, replace(toy, packages=("pytest",)))
    plan = build_plan(Experiment(variants=("float16",)), Home(tmp_path))
    using = {spec.name for spec in plan if "pytest" in spec.libraries}
    assert using == {"inspect:float16", "evaluate:float16", "benchmark"}
    parts = in_parts(plan, set(), 2)
    assert "pytest" in parts["evaluate:float16:1of2"].libraries


def test_its_files_are_inspected_and_its_kernels_compared(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    made = context(tmp_path, folders)
    assert measure.inspect(made) == {"kernels_agree": True}
    report = json.loads((made.out / "file.json").read_text())
    assert report["name"] == "model.toy" and report["ops"] == {"MATMUL": 1}


def test_its_files_are_timed_and_what_it_imports_is_not(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    open_, start = Toy.open, Toy.start

    def opened(self: Toy, path: Path, **how: Any) -> Any:
        called.append("open")
        return open_(self, path, **how)

    monkeypatch.setattr(Toy, "start", lambda self: (called.append("start"), start(self)))
    monkeypatch.setattr(Toy, "open", opened)
    path = folders["file"] / "model.toy"
    found = measure_here(path, threads=1, invocations=20, warmup=2)
    assert called == ["start", "open"]
    assert len(found["samples_ms"]) == 20 and min(found["samples_ms"]) > 0
    assert found["load_ms"] > 0 and found["first_invoke_ms"] > 0


def test_its_files_are_timed_in_a_process_of_their_own(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFQ_PLUGINS", "tests.runtimes.toy_plugin")
    path = folders["file"] / "model.toy"
    first, second = probe(path, [1, 2], invocations=5)
    assert (first.threads, second.threads) == (1, 2)
    assert len(first.samples_ms) == 5 and min(first.samples_ms) > 0
    monkeypatch.delenv("EFFQ_PLUGINS")
    with pytest.raises(ModelError, match=r"No runtime runs the file model\.toy"):
        probe(path, [1], invocations=5)
