"""Removing models and datasets. Fetching them is in test_fetches.py."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.care.fetches import Fetch, FetchFiles, FetchState, fetch_of
from effq_core.care.library import dependents, partial_bytes, remove_item
from effq_core.experiment import Experiment
from effq_core.jobs.process import process_token
from effq_core.models.catalogue import MODELS
from effq_core.photos import imagenette
from effq_core.photos.added import add_folder, added_folders
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots
from effq_core.store.database import Database
from effq_core.store.rows import Status

WEIGHTS = "efficientnetv2_b0_imagenet"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def database(home: Home) -> Database:
    return Database(home.database)


def place_imagenette(home: Home) -> Path:
    for split in ("train", "val"):
        folder = home.datasets / "imagenette2-160" / split / "n01440764"
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(b"x")
    return home.datasets / "imagenette2-160"


def place_weights(home: Home) -> Path:
    home.models.mkdir(parents=True)
    path = home.models / MODELS[WEIGHTS].weights.file
    path.write_bytes(b"x" * 100)
    return path


def note(home: Home, item: str, state: FetchState) -> None:
    now, pid = time.time(), os.getpid()
    fetch = Fetch(
        item=item, state=state, started=now, updated=now, pid=pid, token=process_token(pid)
    )
    FetchFiles(home, item).write(fetch)


def test_runs_made_with_something_are_found(database: Database) -> None:
    first = database.create_run(Experiment(dataset="imagenette"), "photos")
    second = database.create_run(Experiment(model=WEIGHTS), "model")
    database.create_run(Experiment(dataset="folder:/x/imagenette"), "another folder")
    assert [run.id for run in dependents(database, "imagenette")] == [first]
    assert [run.id for run in dependents(database, WEIGHTS)] == [second]
    assert dependents(database, "folder:/x") == []


def test_downloaded_photos_go_with_everything_their_download_left(
    home: Home, database: Database
) -> None:
    folder = place_imagenette(home)
    (home.datasets / "imagenette2-160.tgz").write_bytes(b"x" * 30)
    (home.datasets / "imagenette2-160.tgz.part").write_bytes(b"x" * 12)
    note(home, "imagenette", FetchState.FINISHED)
    assert partial_bytes(home, "imagenette") == 42
    remove_item(home, database, "imagenette")
    assert not folder.exists()
    assert partial_bytes(home, "imagenette") == 0
    assert fetch_of(home, "imagenette") is None
    assert not imagenette.is_present(home)


def test_downloaded_weights_go_and_other_files_stay(home: Home, database: Database) -> None:
    path = place_weights(home)
    other = path.with_name("mine.h5")
    other.write_bytes(b"x")
    path.with_name(path.name + ".part").write_bytes(b"x" * 5)
    assert partial_bytes(home, WEIGHTS) == 5
    remove_item(home, database, WEIGHTS)
    assert list(home.models.iterdir()) == [other]


@pytest.mark.parametrize(
    "item", ["photo_patches", "efficientnetv2_b0_imagenette", "efficientnet_lite0_imagenet", "../x"]
)
def test_what_comes_with_effq_stays(home: Home, database: Database, item: str) -> None:
    with pytest.raises(InputError, match="comes with EffQ and cannot be removed"):
        remove_item(home, database, item)


def test_a_run_at_work_keeps_what_it_needs(home: Home, database: Database) -> None:
    folder = place_imagenette(home)
    run = database.create_run(Experiment(dataset="imagenette"))
    pid = os.getpid()
    working = {"driver_pid": pid, "driver_started": process_token(pid)}
    database.set_status(run, Status.RUNNING, **working)
    with pytest.raises(InputError, match=f"The run {run} is using it: it is running"):
        remove_item(home, database, "imagenette")
    assert folder.exists()
    database.set_status(run, Status.FINISHED)
    remove_item(home, database, "imagenette")
    assert not folder.exists()


def test_a_download_under_way_is_cancelled_first(home: Home, database: Database) -> None:
    path = place_weights(home)
    note(home, WEIGHTS, FetchState.RUNNING)
    with pytest.raises(InputError, match="It is being downloaded"):
        remove_item(home, database, WEIGHTS)
    assert path.exists()


def test_a_folder_leaves_the_list_and_keeps_its_photos(
    home: Home, database: Database, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        noise = np.full((8, 8, 3), number, dtype=np.uint8)
        Image.fromarray(noise).save(photos / f"{number}.png")
    roots = Roots((photos,))
    added = add_folder(home, roots, preview_folder(roots, photos))
    remove_item(home, database, added.id)
    assert added_folders(home) == ()
    assert len(list(photos.iterdir())) == 2
