"""``effq evaluate``: a run's own files, on other photos, as a result of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from effq_core.base.settings import Home


def test_a_runs_files_are_measured_on_other_photos(
    effq: Any, home: Home, tiny_run: Any, tmp_path: Path
) -> None:
    shutil.copytree(tiny_run.home.root, home.root, dirs_exist_ok=True)
    names, noise = tiny_run.results.dataset["class_names"][:2], np.random.default_rng(1)
    for name in names:
        (tmp_path / "new" / name).mkdir(parents=True)
        for number in range(4):
            pixels = noise.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "new" / name / f"{number}.png")

    ended = effq("evaluate", tiny_run.run.id, "--data", tmp_path / "new", "--json", "--quiet")

    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    results = told["results"]
    assert results["experiment"]["files_of"] == tiny_run.run.id
    for name, values in results["variants"].items():
        own = tiny_run.results.variants[name]
        assert values["file"]["sha256"] == own.file.sha256
        assert values["accuracy"]["n"] == 8
        assert values["training"] == own.training
    assert {gate["name"] for gate in results["gates"]} >= {
        gate.name for gate in tiny_run.results.gates
    }, "the photos are compared with those the files were made with"
    converting = [stage for stage in told["stages"] if stage["kind"] in ("convert", "finetune")]
    assert converting
    assert {stage["state"] for stage in converting} == {"reused"}


def test_what_cannot_be_measured_leaves_no_run_behind(
    effq: Any, tiny_home: Home, tmp_path: Path
) -> None:
    (tmp_path / "new" / "zebra").mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "new" / "zebra" / "1.png")
    (tmp_path / "new" / "yak").mkdir()
    Image.new("RGB", (32, 32), "white").save(tmp_path / "new" / "yak" / "1.png")
    before = json.loads(effq("runs", "--json").stdout)
    ended = effq("evaluate", "latest", "--data", tmp_path / "new")
    assert ended.exit_code == 2
    assert "cannot be measured" in ended.output
    assert json.loads(effq("runs", "--json").stdout) == before
