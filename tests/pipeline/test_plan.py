from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import DatasetError, ExperimentError, ModelError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat, QatLoss
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import CATALOGUE, MIXED
from effq_core.models.card import IMAGENETTE_WNIDS
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import Plan, fingerprints

ALL = Experiment(
    variants=tuple(CATALOGUE),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=40,
    evaluation_size=30,
)


@pytest.fixture
def store(tmp_path: Path) -> Home:
    return Home(tmp_path / "store")


@pytest.fixture
def photos(tmp_path: Path) -> Any:
    """Makes a folder of photos, in class folders or, without names, directly in it."""

    def make(*classes: str) -> str:
        root = tmp_path / "photos"
        rng = np.random.default_rng(1)
        for name in classes or ("",):
            (root / name).mkdir(parents=True)
            for i in range(4):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{i}.png")
        return f"folder:{root}"

    return make


def changed(store: Home, before: Experiment, after: Experiment) -> set[str]:
    """Returns the stages of both plans whose results differ."""
    a, b = (fingerprints(build_plan(experiment, store)) for experiment in (before, after))
    assert a.keys() == b.keys()
    return {name for name in a if a[name] != b[name]}


def descendants(plan: Plan, *roots: str) -> set[str]:
    found = set(roots)
    for spec in plan:
        if found & set(spec.inputs.values()):
            found.add(spec.name)
    return found


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
    }
    assert plan.stages[-1].name == "report"


def test_a_plan_has_only_what_its_variants_need(store: Home) -> None:
    names = {spec.name for spec in build_plan(replace(ALL, variants=("float16",)), store)}
    assert not names & {"calibrate", "pixels:calibration", "finetune:int8_qat", "finetune:float"}
    assert {"convert:float32", "convert:float16", "inspect:float16"} <= names
    # The built-in photos have classes of their own: the new head trains, even if nothing else does.
    assert "pixels:training" in names
    assert build_plan(ALL, store)["model"].params["use"] == "new"


def test_evaluation_is_compared_with_every_sample_the_model_is_made_with(
    store: Home, photos: Any
) -> None:
    plan = build_plan(ALL, store)
    roles = ("calibration", "training", "evaluation")
    assert plan["lookalikes"].inputs == {role: f"pixels:{role}" for role in roles}
    assert plan["report"].inputs["lookalikes"] == "lookalikes"
    # A sweep's head is trained on photos of its own.
    swept = build_plan(replace(ALL, variants=("int8",), common_seed=7), store)
    assert swept["lookalikes"].inputs["head"] == "pixels:head"
    # Nothing is calibrated or trained: evaluation has nothing to resemble.
    experiment = Experiment(dataset=photos(*IMAGENETTE_WNIDS), variants=("float16",))
    assert "lookalikes" not in build_plan(experiment, store)


def test_nothing_trains_where_the_head_stays_and_no_variant_is_trained(
    store: Home, photos: Any
) -> None:
    dataset = photos(*IMAGENETTE_WNIDS)
    variants = ("int8", "int8_qat_untrained")
    plan = build_plan(Experiment(dataset=dataset, variants=variants), store)
    assert plan["model"].params["use"] == "whole"
    assert "training" not in plan["model"].inputs
    assert "pixels:training" not in plan
    assert "pixels:calibration" in plan


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
    timed = {"suggest", "benchmark"}
    assert {spec.name for spec in plan if spec.exclusive} == timed


def test_layers_are_looked_into_only_where_that_was_asked(store: Home) -> None:
    few = replace(ALL, variants=("int8",))
    asked = replace(few, layers=Layers(images=20))
    names = {spec.name for spec in build_plan(asked, store)}
    assert names - {spec.name for spec in build_plan(few, store)} == {"signal", "effect"}
    # What was measured before is found again.
    old, new = (fingerprints(build_plan(each, store)) for each in (few, asked))
    assert {name for name in old if old[name] != new[name]} == {"report"}


def test_named_blocks_are_kept_without_a_search(store: Home) -> None:
    plan = build_plan(replace(ALL, mixed=Mixed(keep=("block1a", "stem"))), store)
    assert "suggest" not in plan and "effect" not in plan
    assert plan["convert:int8_mixed"].params["keep"] == ["block1a", "stem"]


def test_a_limit_on_time_belongs_to_a_machine_and_others_do_not(store: Home) -> None:
    timed = build_plan(replace(ALL, mixed=Mixed(max_latency_ratio=1.5)), store)
    assert timed["suggest"].params["host"] == timed["benchmark"].params["host"]
    assert "host" not in build_plan(ALL, store)["suggest"].params


def test_taking_latencies_anew_times_what_a_search_found_by_them_anew(store: Home) -> None:
    timed = replace(ALL, mixed=Mixed(max_latency_ratio=1.5))
    again = changed(store, timed, replace(timed, sitting=1))
    assert again == descendants(build_plan(timed, store), "suggest", "benchmark")
    untimed = changed(store, ALL, replace(ALL, sitting=1))
    assert "benchmark" in untimed and not {"suggest", "convert:int8_mixed"} & untimed


def test_other_limits_change_the_mixed_file_and_no_other(store: Home) -> None:
    found = changed(store, ALL, replace(ALL, mixed=Mixed(max_drop_points=1.0)))
    assert found == descendants(build_plan(ALL, store), "suggest")


def test_every_stage_has_an_estimate_and_is_json(store: Home) -> None:
    for spec in build_plan(ALL, store):
        assert spec.weight > 0
        assert json.loads(json.dumps(spec.params)) == spec.params


def test_the_same_experiment_gives_the_same_fingerprints(store: Home) -> None:
    assert changed(store, ALL, Experiment.from_dict(ALL.to_dict())) == set()


def test_another_calibration_method_changes_int8_but_neither_statistics_nor_training(
    store: Home,
) -> None:
    method = Calibration(size=20, method="min_max")
    plan = build_plan(ALL, store)
    found = changed(store, ALL, replace(ALL, calibration=method))
    roots = ("convert:int8", "convert:int8_float_control", "effect", "suggest")
    assert found == descendants(plan, *roots)
    assert not found & {"calibrate", "finetune:int8_qat", "finetune:float", "convert:int8_qat"}


def test_other_thread_counts_change_benchmarks_and_the_report_only(store: Home) -> None:
    assert changed(store, ALL, replace(ALL, threads=(1,))) == {"benchmark", "report"}
    more = replace(ALL, benchmark_invocations=200)
    assert changed(store, ALL, more) == {"benchmark", "report"}


def test_another_evaluation_size_changes_no_model(store: Home) -> None:
    plain = replace(ALL, variants=tuple(v for v in CATALOGUE if v != MIXED))
    found = changed(store, plain, replace(plain, evaluation_size=31))
    kinds = {name.partition(":")[0] for name in found}
    # Inspection runs both kernels on a few evaluation images.
    assert kinds == {"pixels", "lookalikes", "keras", "inspect", "evaluate", "report"}
    assert "pixels:evaluation" in found
    assert not found & {"pixels:training", "pixels:calibration"}


def test_another_learning_rate_changes_what_was_fine_tuned_and_what_follows(store: Home) -> None:
    plan = build_plan(ALL, store)
    found = changed(store, ALL, replace(ALL, qat=Qat(epochs=1, learning_rate=2e-5)))
    assert found == descendants(plan, "finetune:int8_qat", "finetune:float")
    assert not found & {"model", "convert:int8", "convert:int8_qat_untrained"}


def test_another_seed_changes_every_sample(store: Home) -> None:
    found = changed(store, ALL, replace(ALL, seed=43))
    assert {"pixels:calibration", "pixels:training", "pixels:evaluation"} <= found
    assert "index" not in found


def test_another_variant_leaves_those_made_alone_and_times_all_anew(store: Home) -> None:
    few = replace(ALL, variants=("float32", "int8", "int8_qat"))
    a, b = (fingerprints(build_plan(experiment, store)) for experiment in (few, ALL))
    assert {name for name in a if a[name] != b[name]} == {"benchmark", "report"}


def test_another_image_size_or_model_changes_all_but_the_index(store: Home) -> None:
    for other in ({"image_size": 64}, {"model": "efficientnet_lite0_imagenet"}):
        found = changed(store, ALL, replace(ALL, **other))
        kept = {spec.name for spec in build_plan(ALL, store)} - found
        pixels = {"pixels:calibration", "pixels:training", "pixels:evaluation"}
        same = {"index", "lookalikes", *pixels}
        assert kept == ({"index"} if "image_size" in other else same)


def test_the_models_own_size_is_the_default_size(store: Home) -> None:
    assert changed(store, ALL, replace(ALL, image_size=224)) == {"report"}


def test_a_changed_folder_is_noticed(store: Home, photos: Any) -> None:
    dataset = photos("bee", "wasp")
    experiment = Experiment(dataset=dataset, variants=("float32",))
    before = fingerprints(build_plan(experiment, store))
    Image.new("RGB", (20, 20), (9, 9, 9)).save(Path(dataset.removeprefix("folder:"), "bee/new.png"))
    after = fingerprints(build_plan(experiment, store))
    assert before["index"] != after["index"]
    assert before["model"] != after["model"]


def test_imagenette_in_the_imagenet_model_keeps_the_whole_head_and_maps_classes(
    store: Home, photos: Any
) -> None:
    experiment = replace(
        ALL, dataset=photos(*IMAGENETTE_WNIDS), model="efficientnet_lite0_imagenet"
    )
    plan = build_plan(experiment, store)
    assert plan["model"].params["use"] == "subset"
    expected = [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]
    assert plan["evaluate:int8"].params["class_map"] == expected
    assert plan["finetune:int8_qat"].params["class_map"] == expected


def test_an_unlabelled_folder_can_be_planned(store: Home, photos: Any) -> None:
    plan = build_plan(replace(ALL, dataset=photos()), store)
    assert plan["model"].params["use"] == "unlabelled"
    assert plan["model"].inputs == {}
    assert plan["evaluate:int8"].params["class_map"] == []
    assert "finetune:int8_qat" in plan


def test_labels_cannot_be_trained_on_where_there_are_none(store: Home, photos: Any) -> None:
    unlabelled = replace(ALL, dataset=photos(), qat=Qat(loss=QatLoss.LABELS))
    with pytest.raises(ExperimentError, match="has no labels to train on") as caught:
        build_plan(unlabelled, store)
    assert "'distill'" in caught.value.hint
    assert len(build_plan(replace(unlabelled, variants=("int8",)), store)) > 0


def test_classes_of_ones_own_get_a_new_head_of_their_names(store: Home, photos: Any) -> None:
    plan = build_plan(replace(ALL, dataset=photos("bee", "wasp")), store)
    assert plan["model"].params["class_names"] == ["bee", "wasp"]
    assert plan["model"].inputs == {"training": "pixels:training"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "resnet50"}, ModelError, "There is no model 'resnet50'"),
        ({"dataset": "coco"}, DatasetError, "There is no dataset 'coco'"),
        ({"dataset": "folder:/no/such"}, DatasetError, "/no/such does not exist"),
        ({"dataset": "folder:relative"}, DatasetError, "not an absolute path"),
        ({"dataset": "imagenette"}, DatasetError, "(?i)imagenette"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_what_to_do(
    store: Home, change: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        build_plan(replace(ALL, **change), store)
    assert caught.value.hint  # type: ignore[attr-defined]


def test_a_folder_with_one_class_is_refused(store: Home, photos: Any) -> None:
    with pytest.raises(DatasetError, match="one class only"):
        build_plan(replace(ALL, dataset=photos("bee")), store)


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
