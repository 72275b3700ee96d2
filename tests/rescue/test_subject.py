"""What a rescue is about: a run, or the reference run on photos that are here."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.rescue.control import of_reference
from effq_core.rescue.request import Rescue


def test_the_reference_runs_photos_are_not_here_and_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="photos are not on this machine") as caught:
        of_reference(Home(tmp_path))
    assert "effq datasets download imagenette" in caught.value.hint
    assert "--data" in caught.value.hint


def test_the_reference_runs_experiment_is_rescued_on_other_photos(tmp_path: Path) -> None:
    found = of_reference(Home(tmp_path), "photo_patches")
    assert found.experiment.dataset == "photo_patches"
    assert found.run == "", "nothing of it has been measured on these photos"
    assert Rescue(experiment=found.experiment).experiment.evaluation_size is None
