"""A change to an experiment reaches the stages it concerns and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.variants import CATALOGUE, MIXED
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from tests.pipeline.plan_cases import ALL, changed, descendants


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
    trained = [spec.name for spec in plan if spec.kind == "finetune"]
    assert len(trained) == 5 and found == descendants(plan, *trained)
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
