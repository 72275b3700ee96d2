"""group/class/photo: said, and never changed unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_helpers import Recorder

from effq_core.base.errors import DatasetError
from effq_core.base.files import write_json
from effq_core.base.settings import Home
from effq_core.photos.added import add_folder, added_folders, forget_folder
from effq_core.photos.catalogue import available, open_dataset
from effq_core.photos.folder import FolderDataset
from effq_core.photos.listing import find_nested
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots, folder_id, folder_of_id, require_allowed
from effq_core.results.wording import dataset_title

Maker = Callable[..., Path]
KEYS = ["animals/cat/0.png", "animals/dog/1.png", "vehicles/bus/2.png", "vehicles/car/3.png"]


@pytest.fixture
def folder(tmp_path: Path, make_photo: Maker) -> Path:
    for number, key in enumerate(KEYS):
        make_photo(tmp_path / "set" / key, number)
        make_photo(tmp_path / "set" / key.replace(".png", "b.png"), 10 + number)
    return tmp_path / "set"


def nested(*keys: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] | None:
    found = find_nested([key.split("/") for key in keys])
    return found and (found.above, found.below, found.shared)


def test_folders_in_class_folders_are_seen_where_photos_lie_in_them() -> None:
    assert nested(*KEYS) == (("animals", "vehicles"), ("bus", "car", "cat", "dog"), ())
    assert nested("a/cat/1", "b/cat/2", "b/dog/3") == (("a", "b"), ("cat", "dog"), ("cat",))
    assert nested("cat/1", "cat/2", "dog/old/3", "dog/new/4") is None
    assert nested("cat/2024/1", "dog/2024/2") is None, "folders of one name are no classes"
    assert nested("1", "2") is None
    assert nested() is None


def test_the_upper_folders_are_the_classes_until_somebody_says_otherwise(folder: Path) -> None:
    upper = FolderDataset(folder)
    assert upper.class_names == ("animals", "vehicles")
    assert upper.nested is not None
    assert upper.nested.warning(one_down=False) == (
        "The upper folders are taken as classes: animals, vehicles."
        " Their photos lie one level down: bus, car, cat and 1 more."
    )
    assert upper.nested.choice() == "Use the 4 folders one level down as classes"
    lower = open_dataset(f"folder:{folder}//one-level-down", Home(folder.parent / "home"))
    assert lower.class_names == ("bus", "car", "cat", "dog")
    index = lower.scan(Recorder())
    assert [(item.key.split("/")[1], item.label) for item in index.items[::2]] == [
        ("cat", 2),
        ("dog", 3),
        ("bus", 0),
        ("car", 1),
    ]


def test_below_splits_too_and_photos_above_are_left_out(tmp_path: Path, make_photo: Maker) -> None:
    for number, key in enumerate(KEYS):
        make_photo(tmp_path / "train" / key, number)
        make_photo(tmp_path / "val" / key, 10 + number)
    make_photo(tmp_path / "train/animals/stray.png", 30)
    make_photo(tmp_path / "val/vehicles/cat/x.png", 31)
    index = FolderDataset(tmp_path, one_down=True).scan(Recorder())
    assert index.class_names == ("bus", "car", "cat", "dog")
    assert sorted({item.split or "" for item in index.items}) == ["train", "val"]
    assert [(each.key, each.reason) for each in index.skipped] == [
        ("train/animals/stray.png", "outside any class folder")
    ]
    seen = FolderDataset(tmp_path, one_down=True).nested
    assert seen is not None
    assert seen.warning(one_down=True) == "Folders of the same name are one class: cat."


def test_where_nothing_is_one_level_down_nobody_gets_photos_without_labels(
    tmp_path: Path, make_photo: Maker
) -> None:
    make_photo(tmp_path / "cat/a.png", 0)
    make_photo(tmp_path / "dog/b.png", 1)
    with pytest.raises(DatasetError, match="hold no folders with photos"):
        FolderDataset(tmp_path, one_down=True)


def test_one_folder_around_the_classes_is_named(folder: Path) -> None:
    with pytest.raises(DatasetError, match="one class only: set") as caught:
        FolderDataset(folder.parent)
    assert f"Or use {folder}." in caught.value.hint


def test_one_folder_of_groups_is_looked_at_and_its_folders_offered(
    tmp_path: Path, make_photo: Maker
) -> None:
    root, home, roots = tmp_path / "set", Home(tmp_path / "home"), Roots((tmp_path,))
    for number in range(8):
        make_photo(root / f"flowers/{'rose' if number % 2 else 'tulip'}/{number}.png", number)
    seen = preview_folder(roots, root)
    assert [each.name for each in seen.classes] == ["flowers"]
    assert seen.nested is not None
    assert seen.nested.warning(one_down=False) == (
        "The upper folder is one class only: flowers. Its photos lie one level down: rose, tulip."
    )
    with pytest.raises(DatasetError, match="one class only: flowers") as caught:
        add_folder(home, roots, seen)
    assert seen.nested.choice() in caught.value.hint
    with pytest.raises(DatasetError, match="one class only: flowers") as caught:
        open_dataset(folder_id(root), home)
    assert "choose --one-level-down" in caught.value.hint
    lower = add_folder(home, roots, preview_folder(roots, root, one_down=True))
    assert open_dataset(lower.id, home).class_names == ("rose", "tulip")


def test_one_class_without_folders_in_it_is_not_looked_at(
    tmp_path: Path, make_photo: Maker
) -> None:
    make_photo(tmp_path / "cat/0.png", 0)
    with pytest.raises(DatasetError, match="one class only: cat") as caught:
        preview_folder(Roots((tmp_path,)), tmp_path)
    assert "one-level-down" not in caught.value.hint


def test_an_identifier_says_where_the_classes_are(folder: Path) -> None:
    lower = folder_id(folder, one_down=True)
    assert folder_of_id(lower) == (folder, True)
    assert folder_of_id(f"folder:{folder}") == (folder, False)
    assert dataset_title(lower) == "set, one level down"
    assert dataset_title(f"folder:{folder}") == "set"
    home = Home(folder.parent / "home")
    assert require_allowed(lower, home, Roots((folder.parent,))) == lower
    with pytest.raises(DatasetError, match="EFFQ_DATA_ROOTS"):
        require_allowed("folder:/etc//one-level-down", home, Roots((folder,)))


def test_a_folder_is_in_the_list_with_the_classes_that_were_chosen(folder: Path) -> None:
    home, roots = Home(folder.parent / "home"), Roots((folder.parent,))
    for one_down in (False, True):
        seen = preview_folder(roots, folder, one_down=one_down)
        assert seen.nested is not None
        assert len(seen.classes) == (4 if one_down else 2)
        add_folder(home, roots, seen)
    upper, lower = added_folders(home)
    assert (upper.title, upper.classes) == ("set", 2)
    assert (lower.title, lower.classes) == ("set, one level down", 4)
    assert {card.id for card in available(home)} > {upper.id, lower.id}
    assert open_dataset(lower.id, home).title == lower.title
    forget_folder(home, lower.id)
    assert added_folders(home) == (upper,)


def test_a_list_of_folders_from_before_is_still_read(folder: Path) -> None:
    home = Home(folder.parent / "home")
    home.root.mkdir()
    old = {"path": str(folder), "images": 8, "classes": 2, "bytes": 9, "added": 1.0}
    write_json(home.root / "folders.json", {"folders": [old]})
    (read,) = added_folders(home)
    assert (read.id, read.one_down) == (f"folder:{folder}", False)
