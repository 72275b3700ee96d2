"""Stages by id: what registers, what is refused, and that the place of a function is no matter."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import StageError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline import registry
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import get_stage, stage, stage_title
from effq_core.pipeline.stage import Plan, StageList, StageTask, fingerprints
from effq_core.pipeline.worker import run_stage

OUTSIDE = """
from effq_core.pipeline.registry import stage

@stage("{id}", kind="{kind}", title="{title}", libraries={libraries})
def somewhere_else(context):
    (context.out / "out.txt").write_text("outside")
    return {{"made": __name__}}
"""


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    get_stage("report:report")
    monkeypatch.setattr(registry, "_STAGES", dict(registry._STAGES))
    monkeypatch.setattr(registry, "_FUNCTIONS", dict(registry._FUNCTIONS))


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a module of somebody else's with one stage, and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, stage_id: str, kind: str, title: str, libraries: tuple = ()) -> None:
        text = OUTSIDE.format(id=stage_id, kind=kind, title=title, libraries=libraries)
        (tmp_path / f"{name}.py").write_text(text)
        importlib.import_module(name)

    return make


def worked(plan: Plan, name: str, home: Home) -> dict[str, Any]:
    home.root.mkdir()
    task = StageTask(
        run_id="20260101-000000-abcd",
        spec=plan[name],
        fingerprint=fingerprints(plan)[name],
        inputs={},
        home=str(home.root),
        topic="test",
    )
    return run_stage(task, lambda message: None)


def test_an_unknown_id_is_refused_with_those_there_are() -> None:
    with pytest.raises(StageError, match=r"no stage 'toy:make'.*quantize:convert"):
        get_stage("toy:make")
    with pytest.raises(StageError, match="no stage"):
        StageList().add("convert:toy", "toy:make")


def test_two_functions_cannot_have_one_id(outside: Any) -> None:
    with pytest.raises(StageError, match="both have a stage quantize:convert"):
        outside("second_convert", "quantize:convert", "convert", "Convert")


def test_one_kind_is_called_one_thing() -> None:
    with pytest.raises(StageError, match="kind convert are called 'Convert', not 'Make'"):
        stage("toy:make", kind="convert", title="Make")(print)  # type: ignore[type-var]


def test_a_module_that_is_imported_again_registers_again() -> None:
    module = importlib.import_module("effq_core.pipeline.stages.layers")
    importlib.reload(module)
    assert get_stage("signal:signal").function() is module.signal


def test_moving_a_function_changes_no_fingerprint(
    outside: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    before = fingerprints(build_plan(Experiment(), home))
    old = get_stage("quantize:convert")
    monkeypatch.delitem(registry._STAGES, old.id)
    monkeypatch.delitem(registry._FUNCTIONS, old.id)
    outside("moved_convert", old.id, old.kind, old.title, old.libraries)
    assert get_stage(old.id) == replace(old, module="moved_convert")
    plan = build_plan(Experiment(), home)
    assert fingerprints(plan) == before
    assert plan["convert:int8_qat"].stage.function().__name__ == "somewhere_else"


def test_a_stage_from_outside_is_planned_worked_on_and_named(outside: Any, tmp_path: Path) -> None:
    outside("toy_stages", "toy:make", "toy", "Make a toy", ("numpy",))
    stages, home = StageList(), Home(tmp_path / "home")
    stages.add("toy:int8", "toy:make", params={"x": 1})
    assert worked(Plan(stages.stages), "toy:int8", home)["state"] == "done"
    (made,) = home.artifacts.glob("toy/*/out.txt")
    assert made.read_text() == "outside"
    assert stage_title("toy:int8") == "Make a toy: int8"


def test_a_stage_whose_module_is_gone_is_said(tmp_path: Path) -> None:
    stages, home = StageList(), Home(tmp_path / "home")
    stages.add("index", "data:index")
    lost = replace(stages.stages[0], stage=replace(get_stage("data:index"), module="not_there"))
    outcome = worked(Plan([lost]), "index", home)
    assert outcome["state"] == "failed"
    assert "data:index cannot be loaded from not_there" in outcome["error"]["message"]
    assert "effq doctor" in outcome["error"]["hint"]


def test_a_name_nobody_knows_stays_as_it_is() -> None:
    assert stage_title("toy:int8") == "toy:int8"
    assert stage_title("convert:int8") == "Convert: int8"
    assert stage_title("freeze:float_control") == "Freeze the graph: float control"


def test_registering_every_stage_imports_no_tensorflow() -> None:
    code = "import effq_core.pipeline.stages, sys; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
