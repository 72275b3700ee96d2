from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import controls, standard
from effq_core.models.catalogue import MODELS, get_model
from effq_core.photos.catalogue import open_dataset
from effq_core.pipeline.presets import PRESETS, demo, offered, paper, thorough


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_a_valid_experiment_of_a_known_model(name: str) -> None:
    experiment = PRESETS[name]()
    assert Experiment.from_dict(experiment.to_dict()) == experiment
    assert get_model(experiment.model).id == experiment.model


def test_the_demo_needs_no_network_and_takes_minutes() -> None:
    experiment = demo()
    assert get_model(experiment.model).bundled
    assert experiment.dataset == "photo_patches"
    assert experiment.variants == standard()
    assert (experiment.calibration.size, experiment.qat.epochs) == (100, 2)
    assert (experiment.training_size, experiment.evaluation_size) == (600, 600)


def test_the_paper_keeps_the_papers_settings_and_adds_the_controls_it_lacks() -> None:
    experiment = paper()
    assert experiment.model == "efficientnetv2_b0_imagenet"
    assert experiment.calibration.size == 500
    assert experiment.calibration.method == "min_max"
    assert (experiment.qat.epochs, experiment.qat.learning_rate) == (5, 1e-5)
    assert (experiment.qat.batch_size, experiment.seed) == (32, 42)
    assert experiment.benchmark_invocations == 100
    assert set(experiment.variants) == {*standard(), *controls()}


def test_the_thorough_one_takes_every_variant_and_every_photo() -> None:
    experiment = thorough()
    assert set(experiment.variants) == {*standard(), *controls()}
    assert (experiment.training_size, experiment.evaluation_size) == (None, None)
    assert experiment.calibration.method == "percentile"


@pytest.mark.parametrize("preset", [paper, thorough])
def test_model_and_dataset_of_the_larger_presets_can_be_chosen(preset: Any) -> None:
    chosen = preset("efficientnet_lite0_imagenet", "folder:/photos")
    assert (chosen.model, chosen.dataset) == ("efficientnet_lite0_imagenet", "folder:/photos")


def test_offered_presets_run_on_what_is_there(tmp_path: Path) -> None:
    for preset in offered(Home(tmp_path)):
        assert open_dataset(preset.experiment.dataset, Home(tmp_path))
        assert MODELS[preset.experiment.model].is_present(Home(tmp_path))


def test_a_preset_without_its_photos_says_what_is_missing(tmp_path: Path) -> None:
    by_name = {preset.name: preset for preset in offered(Home(tmp_path))}
    assert by_name["demo"].missing == ""
    assert by_name["paper"].missing == "the ImageNet weights and Imagenette"
    assert by_name["paper"].experiment.calibration.size == 500
