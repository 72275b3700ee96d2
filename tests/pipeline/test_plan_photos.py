"""The photos decide the head, the classes and what is compared; what cannot be is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from effq_core.base.errors import DatasetError, ExperimentError, ModelError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment, Qat, QatLoss
from effq_core.models.card import IMAGENETTE_WNIDS
from effq_core.pipeline.plan import build_plan
from tests.pipeline.plan_cases import ALL


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
