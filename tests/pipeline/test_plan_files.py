"""An earlier run's files, planned to be measured on other photos."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import ExperimentError, InputError
from effq_core.base.settings import Home
from effq_core.experiment import REFERENCE, Experiment
from effq_core.experiment.mixed import Layers
from effq_core.pipeline.forecast import forecast
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.rescue.request import Rescue
from effq_core.results import load_reference
from effq_core.results.access import measurable, on_photos
from effq_core.store.database import Database
from effq_core.store.rows import StageRow
from effq_core.sweeps.sweep import Sweep


def photos(folder: Path, classes: list[str], each: int = 3) -> str:
    noise = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = noise.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return f"folder:{folder}"


def test_files_are_taken_over_and_nothing_is_made(tiny_run: Any, tmp_path: Path) -> None:
    names = tiny_run.results.dataset["class_names"][:3]
    asked = on_photos(tiny_run.results, tiny_run.run.id, photos(tmp_path / "new", names))
    plan = build_plan(asked, tiny_run.home)
    named = fingerprints(plan)
    database = Database(tiny_run.home.database)
    made = {row.name: row.fingerprint for row in database.stages(tiny_run.run.id)}
    database.close()
    for name in asked.variants:
        assert named[f"convert:{name}"] == made[f"convert:{name}"]
        assert named[f"evaluate:{name}"] != made[f"evaluate:{name}"]
    kinds = {spec.kind for spec in plan if not spec.pinned}
    assert kinds <= {"index", "pixels", "inspect", "evaluate", "benchmark", "report", "lookalikes"}
    assert not asked.trains
    assert not asked.calibrates
    assert forecast(asked, tiny_run.home).sizes.evaluation == 9, "all photos are measured on"


def test_photos_of_other_classes_are_refused_before_anything_runs(
    tiny_run: Any, tmp_path: Path
) -> None:
    data = photos(tmp_path / "new", ["zebra", "yak"])
    with pytest.raises(ExperimentError, match="cannot be measured with the run's files") as caught:
        build_plan(on_photos(tiny_run.results, tiny_run.run.id, data), tiny_run.home)
    assert "None of the 2 classes is one of its labels." in caught.value.message


def test_an_unknown_run_and_a_missing_file_are_named(tiny_run: Any, tmp_path: Path) -> None:
    data = photos(tmp_path / "new", tiny_run.results.dataset["class_names"][:2])
    asked = on_photos(tiny_run.results, tiny_run.run.id, data)
    with pytest.raises(InputError):
        build_plan(replace(asked, files_of="20200101-000000-abcd"), tiny_run.home)
    with pytest.raises(InputError):
        Experiment(files_of="../../etc")
    with pytest.raises(ExperimentError, match="int8 mixed of the run"):
        build_plan(replace(asked, variants=("int8_mixed",)), tiny_run.home)


def test_what_measured_a_runs_files_outlives_that_run(tiny_run: Any, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(tiny_run.home.root, home.root, ignore=shutil.ignore_patterns("artifacts"))
    home.artifacts.symlink_to(tiny_run.home.artifacts)
    data = photos(tmp_path / "new", tiny_run.results.dataset["class_names"][:2])
    asked = on_photos(tiny_run.results, tiny_run.run.id, data)
    plan, database = build_plan(asked, home), Database(home.database)
    heir, named = database.create_run(asked, "on other photos"), fingerprints(plan)
    database.plan_stages(heir, [
        StageRow(run_id=heir, name=spec.name, kind=spec.kind, fingerprint=named[spec.name])
        for spec in plan
    ])  # fmt: skip
    database.delete_run(tiny_run.run.id)
    database.close()
    assert fingerprints(build_plan(asked, home)) == named


def test_the_reference_runs_files_can_be_measured_too(tmp_path: Path) -> None:
    results, home = load_reference(), Home(tmp_path / "home")
    data = photos(tmp_path / "new", ["tench", "church"])
    asked = on_photos(results, REFERENCE, data)
    assert asked.variants == measurable(results) == results.with_files
    plan = build_plan(asked, home)
    assert plan["convert:int8"].params["sha256"] == results.variants["int8"].file.sha256
    with pytest.raises(InputError, match="no file of int8_float_control"):
        on_photos(results, REFERENCE, data, variants=["int8_float_control"])


def test_only_the_run_that_made_the_files_can_change_them() -> None:
    asked = Experiment(files_of=REFERENCE)
    for make in (
        lambda: replace(asked, layers=Layers()),
        lambda: Rescue(experiment=asked),
        lambda: Sweep(base=asked, calibration_sizes=(20, 50)),
    ):
        with pytest.raises(ExperimentError, match="needs the run that made the files: reference"):
            make()


def test_what_measured_a_runs_files_names_that_run_when_measured_again(tiny_run: Any) -> None:
    first = on_photos(tiny_run.results, tiny_run.run.id, "photo_patches")
    again = on_photos(replace(tiny_run.results, experiment=first), "another", "imagenette")
    assert again.files_of == tiny_run.run.id
    assert Experiment.from_dict(again.to_dict()) == again
    assert "files_of" not in tiny_run.experiment.to_dict(), "older runs keep their fingerprint"
