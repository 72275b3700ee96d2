"""A dataset at a glance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.photos.glance import check_samples, glance


@pytest.fixture
def pets(tmp_path: Path) -> str:
    for label, colour in (("cat", "red"), ("dog", "blue")):
        folder = tmp_path / "pets" / label
        folder.mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (40, 30), colour).save(folder / f"{number}.png")
    return f"folder:{tmp_path / 'pets'}"


def test_the_built_in_photos_are_counted_and_shown(tmp_path: Path) -> None:
    seen = glance("photo_patches", Home(tmp_path))
    assert seen.images == 11 * 350
    assert (seen.training, seen.evaluation) == (11 * 250, 11 * 100)
    assert set(seen.per_class.values()) == {350}
    assert len(seen.thumbnails) == 11
    assert all(each.jpeg.startswith(b"\xff\xd8") for each in seen.thumbnails)


def test_a_folder_is_counted_by_class(pets: str, tmp_path: Path) -> None:
    seen = glance(pets, Home(tmp_path))
    assert seen.per_class == {"cat": 20, "dog": 20}
    assert seen.training + seen.evaluation == seen.images == 40
    assert {each.label for each in seen.thumbnails} == {"cat", "dog"}


def test_what_a_run_would_refuse_is_said_before_it_starts(pets: str, tmp_path: Path) -> None:
    asked = Experiment(dataset=pets, calibration=Calibration(size=500))
    with pytest.raises(DatasetError, match="500 were asked for to calibrate"):
        check_samples(asked, Home(tmp_path), new_head=True)


def test_samples_nobody_uses_are_not_asked_for(pets: str, tmp_path: Path) -> None:
    float_only = Experiment(dataset=pets, variants=("float32",), calibration=Calibration(size=500))
    sizes = check_samples(float_only, Home(tmp_path), new_head=False)
    assert sizes.calibration == sizes.training == 0
    assert sizes.evaluation > 0


def test_training_takes_what_calibration_leaves(tmp_path: Path) -> None:
    asked = replace(Experiment(), calibration=Calibration(size=250))
    sizes = check_samples(asked, Home(tmp_path), new_head=True)
    assert sizes.training == 11 * 250 - 250
