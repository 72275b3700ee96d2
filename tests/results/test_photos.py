"""The photos of a run, from its own store."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.base.settings import Home
from effq_core.results import Results
from effq_core.results.pairs import changed_photos
from effq_core.results.photos import open_photos


def copied(tiny_run, folder: Path, *kinds: str) -> tuple[Results, Home]:
    """The small run in a store that holds some kinds of artifacts only."""
    home = Home(folder)
    for kind in kinds:
        shutil.copytree(tiny_run.home.artifacts / kind, home.artifacts / kind)
    return Results.from_dict(tiny_run.results.plain, home.artifacts), home


def test_photos_are_those_the_models_saw(tiny_run) -> None:
    photos = open_photos(tiny_run.results, tiny_run.home)

    assert photos.keys == tiny_run.results.predictions("float32").keys
    photo = photos.photo(7)
    assert photo.shape == (64, 64, 3) and photo.dtype == np.uint8
    assert photo.std() > 1, "a photo, not a blank"


def test_photos_deleted_to_free_space_are_decoded_from_the_dataset_alike(
    tiny_run, tmp_path: Path
) -> None:
    results, home = copied(tiny_run, tmp_path, "evaluate", "index")

    decoded = open_photos(results, home)
    stored = open_photos(tiny_run.results, tiny_run.home)
    for row in (0, 31, 59):
        assert (decoded.photo(row) == stored.photo(row)).all()


def test_without_photos_and_their_list_the_way_out_is_named(tiny_run, tmp_path: Path) -> None:
    results, home = copied(tiny_run, tmp_path, "evaluate")

    with pytest.raises(StoreError, match="no longer in the store") as caught:
        open_photos(results, home)
    assert "Run the experiment again" in caught.value.hint


def test_the_reference_run_ships_no_photos(reference: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ships no photos"):
        open_photos(reference, Home(tmp_path))


def test_changed_photos_of_a_run_can_all_be_shown(tiny_run) -> None:
    photos = open_photos(tiny_run.results, tiny_run.home)

    for photo in changed_photos(tiny_run.results, "float32", "dynamic_range"):
        assert photos.keys[photo.row] == photo.key
        assert photos.photo(photo.row).shape == (64, 64, 3)
