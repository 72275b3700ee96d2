"""The stages that variants need, and what each of them reads."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from effq_core.base.settings import Home
from effq_core.experiment.variants import CATALOGUE
from effq_core.pipeline.plan import build_plan
from tests.pipeline.plan_cases import ALL

TRAINED_FILES = ("int4", "int2", "fitted")


def test_all_variants_of_the_built_in_photos_are_planned(store: Home) -> None:
    plan = build_plan(ALL, store)
    measured = {f"{what}:{v}" for v in CATALOGUE for what in ("inspect", "evaluate")}
    assert {spec.name for spec in plan} == measured | {
        "index",
        *(f"pixels:{role}" for role in ("calibration", "training", "evaluation")),
        "lookalikes",
        *("model", "freeze", "keras:float32"),
        *(f"convert:{name}" for name in CATALOGUE),
        *("calibrate", "ranges:int8_qat_untrained"),
        *("finetune:int8_qat", "keras:int8_qat"),
        *("finetune:float", "freeze:float_control", "convert:float_control"),
        "calibrate:float_control",
        *("tensors", "benchmark", "report"),
        *("effect", "suggest"),
        *("moments", "bounds", "widths", "fit", "rounding"),
        *(f"{what}:{name}_qat" for what in ("finetune", "keras") for name in TRAINED_FILES),
    }
    assert plan.stages[-1].name == "report"


def test_a_plan_has_only_what_its_variants_need(store: Home) -> None:
    names = {spec.name for spec in build_plan(replace(ALL, variants=("float16",)), store)}
    assert not names & {"calibrate", "pixels:calibration", "finetune:int8_qat", "finetune:float"}
    assert {"convert:float32", "convert:float16", "inspect:float16"} <= names
    # The built-in photos have classes of their own: the new head trains, even if nothing else does.
    assert "pixels:training" in names
    assert build_plan(ALL, store)["model"].params["use"] == "new"


@pytest.mark.parametrize("variant", list(CATALOGUE))
def test_every_variant_can_be_planned_alone(store: Home, variant: str) -> None:
    plan = build_plan(replace(ALL, variants=(variant,)), store)
    assert f"file:{variant}" in plan["report"].inputs
    assert plan.stages[-1].name == "report"


def test_every_stage_has_the_inputs_its_function_reads_and_the_report_reads_all(
    store: Home,
) -> None:
    plan = build_plan(ALL, store)
    report = plan["report"].inputs
    for row in CATALOGUE.values():
        name = row.name
        assert report[f"file:{name}"] == f"convert:{name}"
        for what in ("inspect", "evaluate"):
            assert report[f"{what}:{name}"] == f"{what}:{name}"
            assert plan[f"{what}:{name}"].inputs["file"] == f"convert:{name}"
        assert (f"training:{name}" in report) is bool(row.training)
    assert report["benchmark"] == "benchmark"
    assert plan["benchmark"].inputs == {name: f"convert:{name}" for name in CATALOGUE}
    assert report["keras:float32"] == "keras:float32"
    assert report["keras:int8_qat"] == "keras:int8_qat"


def test_every_function_of_the_plan_exists(store: Home) -> None:
    for spec in build_plan(ALL, store):
        assert callable(spec.stage.function()), spec.stage.id
        assert spec.name.partition(":")[0] == spec.kind, (
            "titles are found by what a name begins with"
        )


def test_integer_files_come_from_the_sources_their_recipe_says(store: Home) -> None:
    plan = build_plan(ALL, store)
    assert plan["convert:int8"].inputs == {
        "float32": "convert:float32",
        "statistics": "calibrate",
        "model": "model",
    }
    assert plan["convert:int8_float_control"].inputs == {
        "float32": "convert:float_control",
        "statistics": "calibrate:float_control",
        "model": "model",
    }
    # No calibration image near the conversion of fake-quant graphs: it would mask a missing one.
    assert plan["convert:int8_qat"].inputs == {"frozen": "finetune:int8_qat", "model": "model"}
    assert plan["convert:int8_qat_untrained"].inputs == {
        "frozen": "ranges:int8_qat_untrained",
        "model": "model",
    }
    assert plan["convert:int8_qat"].params == {"form": "qat"}


def test_the_float_control_differs_from_qat_in_fake_quant_alone(store: Home) -> None:
    plan = build_plan(ALL, store)
    qat, control = plan["finetune:int8_qat"], plan["finetune:float"]
    assert {**qat.params, "fake_quant": False} == control.params
    assert qat.params["fake_quant"] is True
    assert {**control.inputs, "calibration": "pixels:calibration"} == qat.inputs


def test_tensors_to_learn_from_are_kept_of_every_run_and_no_result_waits_for_them(
    store: Home,
) -> None:
    plan = build_plan(ALL, store)
    assert plan["tensors"].inputs == {
        "float32": "convert:float32",
        "statistics": "calibrate",
        "calibration": "pixels:calibration",
    }
    assert "tensors" not in {source for spec in plan for source in spec.inputs.values()}
    for variant in ("float16", "int8_qat", "int8_float_control"):
        few = build_plan(replace(ALL, variants=(variant,)), store)
        assert few["tensors"].inputs == {"float32": "convert:float32"}


def test_only_what_takes_times_needs_the_cores_alone(store: Home) -> None:
    plan = build_plan(ALL, store)
    timed = {"suggest", "fit", "benchmark"}
    assert {spec.name for spec in plan if spec.exclusive} == timed


def test_every_stage_has_an_estimate_and_is_json(store: Home) -> None:
    for spec in build_plan(ALL, store):
        assert spec.weight > 0
        assert json.loads(json.dumps(spec.params)) == spec.params


def test_planning_imports_no_tensorflow(store: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from effq_core.base.settings import Home;"
        "from effq_core.experiment import Experiment; from effq_core.pipeline.plan import *;"
        "from effq_core.experiment.variants import CATALOGUE;"
        "plan = build_plan(Experiment(variants=tuple(CATALOGUE)), Home(Path(sys.argv[1])));"
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'sklearn', 'tensorflow_model_optimization'};"
        "print(len(plan), sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(store.root)], capture_output=True, text=True
    )
    assert answer.stdout.strip() == f"{len(build_plan(ALL, store))} []", answer.stderr
