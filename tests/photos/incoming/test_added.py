"""Photos that were added: added again, removed, damaged, changed."""

from __future__ import annotations

import shutil

import pytest

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.incoming.upload import look_at_files
from effq_core.photos.own_photos import own_photos
from effq_core.store.database import Database
from tests.photos.incoming.ingest_helpers import given, photo, two_classes


def test_the_same_photos_are_the_same_dataset_when_added_again(home: Home) -> None:
    states = []
    for _ in range(2):
        added = look_at_files(home, given(*two_classes())).add(home, "Pets")
        states.append(open_dataset(added.id, home).state())
        remove_item(home, Database(home.database), added.id)
        assert own_photos(home) == ()
    assert states[0] == states[1]
    other = look_at_files(home, given(*two_classes(8))).add(home, "Pets")
    assert open_dataset(other.id, home).state() != states[0]


def test_removing_deletes_the_photos_and_says_where_there_are_none(home: Home) -> None:
    database = Database(home.database)
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    remove_item(home, database, added.id)
    assert not list(home.datasets.glob("own/*"))
    with pytest.raises(DatasetError, match="no photos photos:pets"):
        remove_item(home, database, added.id)
    for name in ("photos:../..", "photos:", "photos:/etc", "photos:a/b", "photos:..", "photos:A"):
        with pytest.raises(DatasetError, match="not the name of a set"):
            remove_item(home, database, name)
        with pytest.raises(DatasetError, match="not the name of a set"):
            open_dataset(name, home)


def test_a_name_that_is_taken_is_refused_and_nothing_is_lost(home: Home) -> None:
    look_at_files(home, given(*two_classes())).add(home, "Pets")
    second = look_at_files(home, given(*two_classes(8)))
    for title in ("pets", "PETS!"):
        with pytest.raises(DatasetError, match="called pets already"):
            second.add(home, title)
    for title in ("", " \n", "x" * 61):
        with pytest.raises(DatasetError, match="name"):
            second.add(home, title)
    assert second.add(home, "Other").photos == 8
    assert [each.photos for each in own_photos(home)] == [6, 8]


def test_a_damaged_set_is_not_listed_and_can_be_removed(home: Home) -> None:
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    (home.datasets / "own/pets/dataset.json").write_text("{")
    assert own_photos(home) == ()
    with pytest.raises(DatasetError, match="damaged") as caught:
        open_dataset(added.id, home)
    assert "effq datasets remove photos:pets" in caught.value.hint
    remove_item(home, Database(home.database), added.id)
    assert not (home.datasets / "own/pets").exists()


def test_a_photo_changed_behind_its_back_is_noticed(home: Home) -> None:
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    dataset = open_dataset(added.id, home)
    index = dataset.scan(SilentReporter())
    path = home.datasets / "own/pets/photos" / index.items[0].key
    path.write_bytes(photo(99))
    with pytest.raises(DatasetError, match="has changed"):
        dataset.open(index.items[0])
    shutil.rmtree(home.datasets / "own/pets/photos")
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(added.id, home)
