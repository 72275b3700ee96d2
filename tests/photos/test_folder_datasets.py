from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_helpers import Recorder

from effq_core.base.errors import Cancelled, DatasetError, StoreError
from effq_core.photos.decode import decode
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import Index, Skipped

Maker = Callable[..., Path]


def reasons(index: Index) -> dict[str, str]:
    return {entry.key: entry.reason for entry in index.skipped}


def test_train_and_val_with_wordnet_ids(tmp_path: Path, make_photo: Maker) -> None:
    for number, key in enumerate(
        ["train/n01440764/a.JPEG", "train/n02102040/b.png", "val/n01440764/c.jpg"]
    ):
        make_photo(tmp_path / key, number)
    dataset = FolderDataset(tmp_path)
    assert dataset.class_names == ("tench", "English springer")
    assert dataset.wnids == ("n01440764", "n02102040")
    index = dataset.scan(Recorder())
    assert [(i.key, i.label, i.split) for i in index.items] == [
        ("train/n01440764/a.JPEG", 0, "train"),
        ("train/n02102040/b.png", 1, "train"),
        ("val/n01440764/c.jpg", 0, "val"),
    ]
    assert index.skipped == ()
    assert index.is_labelled


@pytest.mark.parametrize("name", ["val", "validation", "valid", "test", "Val"])
def test_other_names_of_the_evaluation_split(tmp_path: Path, make_photo: Maker, name: str) -> None:
    make_photo(tmp_path / "train/cat/a.png", 0)
    make_photo(tmp_path / name / "dog/b.png", 1)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert sorted(i.split or "" for i in index.items) == ["train", "val"]
    assert index.class_names == ("cat", "dog")


def test_beside_val_a_test_folder_is_left_out_and_named(tmp_path: Path, make_photo: Maker) -> None:
    for number, key in enumerate(["train/a/1.png", "val/b/2.png", "test/3.png", "4.png"]):
        make_photo(tmp_path / key, number)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert len(index.items) == 2
    assert reasons(index) == {"test": "outside train/ and val/", "4.png": "outside train/ and val/"}


def test_class_folders_by_name_with_folders_inside(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "cat/2024/a.png", 0)
    make_photo(tmp_path / "dog/b.png", 1)
    (tmp_path / "empty").mkdir()
    dataset = FolderDataset(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.wnids == (None, None)
    assert [i.split for i in dataset.scan(Recorder()).items] == [None, None]


def test_train_can_be_a_class_of_vehicles(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "train/a.png", 0)
    make_photo(tmp_path / "bus/b.png", 1)
    assert FolderDataset(tmp_path).class_names == ("bus", "train")


def test_train_alone_is_one_pool(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "train/cat/a.png", 0)
    make_photo(tmp_path / "train/dog/b.png", 1)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert index.class_names == ("cat", "dog")
    assert {i.split for i in index.items} == {None}


def test_images_without_class_folders_are_unlabelled(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "a.png", 0)
    make_photo(tmp_path / "b.png", 1)
    (tmp_path / "notes.txt").write_text("not an image")
    dataset = FolderDataset(tmp_path)
    assert dataset.class_names == dataset.wnids == ()
    index = dataset.scan(Recorder())
    assert [(i.key, i.label) for i in index.items] == [("a.png", None), ("b.png", None)]
    assert not index.is_labelled


def test_unlabelled_images_can_be_split(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "train/a.png", 0)
    make_photo(tmp_path / "val/b.png", 1)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert [(i.label, i.split) for i in index.items] == [(None, "train"), (None, "val")]


def test_images_beside_class_folders_are_named(tmp_path: Path, make_photo: Maker) -> None:
    for number, key in enumerate(["cat/a.png", "dog/b.png", "stray.png"]):
        make_photo(tmp_path / key, number)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert reasons(index) == {"stray.png": "outside any class folder"}


def test_what_cannot_be_used_is_named(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "a.png", 0)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "phone.HEIC").write_bytes(b"x")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    index = FolderDataset(tmp_path).scan(Recorder())
    assert [i.key for i in index.items] == ["a.png"]
    assert reasons(index) == {
        "empty.jpg": "empty file (zero bytes)",
        "phone.HEIC": ".heic is not supported; convert it to JPEG or PNG",
        "gone.png": "cannot be read: No such file or directory",
    }


def test_a_name_that_is_not_utf8_is_named_and_left_out(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "a.png", 0)
    shutil.copy(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff.png")
    index = FolderDataset(tmp_path).scan(Recorder())
    assert reasons(index) == {"\\udcff.png": "its name is not valid UTF-8; rename it"}
    json.dumps(index.to_dict(), ensure_ascii=False).encode()


def test_a_link_in_a_circle_ends(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "cat/a.png", 0)
    make_photo(tmp_path / "dog/b.png", 1)
    (tmp_path / "cat/again").symlink_to(tmp_path / "cat")
    assert len(FolderDataset(tmp_path).scan(Recorder()).items) == 2


def test_of_copies_the_one_in_val_stays(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "train/cat/a.png", 0)
    make_photo(tmp_path / "train/dog/d.png", 1)
    make_photo(tmp_path / "val/cat/z.png", 0)
    make_photo(tmp_path / "train/cat/b.png", 0)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert [i.key for i in index.items] == ["train/dog/d.png", "val/cat/z.png"]
    assert reasons(index) == {
        "train/cat/a.png": "same content as val/cat/z.png",
        "train/cat/b.png": "same content as val/cat/z.png",
    }


def test_copies_under_two_labels_all_go(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "cat/a.png", 0)
    make_photo(tmp_path / "cat/b.png", 1)
    make_photo(tmp_path / "dog/a.png", 0)
    dataset = FolderDataset(tmp_path)
    index = dataset.scan(Recorder())
    assert [i.key for i in index.items] == ["cat/b.png"]
    assert reasons(index) == {
        "cat/a.png": "same content under another label: dog/a.png",
        "dog/a.png": "same content under another label: cat/a.png",
    }
    assert index.class_names == dataset.class_names


def test_bad_folders_say_what_to_do(tmp_path: Path, make_photo: Maker) -> None:
    with pytest.raises(DatasetError, match="does not exist") as caught:
        FolderDataset(tmp_path / "gone")
    assert caught.value.hint
    file = make_photo(tmp_path / "one/cat/a.png", 0)
    with pytest.raises(DatasetError, match="is not a folder"):
        FolderDataset(file)
    with pytest.raises(DatasetError, match=r"has one class only: cat\. Add a folder"):
        FolderDataset(tmp_path / "one")
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="has no images"):
        FolderDataset(tmp_path / "none")
    (tmp_path / "none/x.heic").write_bytes(b"x")
    with pytest.raises(DatasetError, match="1 were left out"):
        FolderDataset(tmp_path / "none")


def test_unreadable_folders_are_an_error_or_named(
    tmp_path: Path, make_photo: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, key in enumerate(["cat/a.png", "dog/b.png", "cow/c.png"]):
        make_photo(tmp_path / key, number)
    real = Path.iterdir
    forbidden = {tmp_path / "cow"}

    # Permissions do not bind the root user tests may run as.
    def iterdir(self: Path) -> object:
        if self in forbidden:
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert reasons(index) == {"cow": "folder cannot be read: Permission denied"}
    forbidden.add(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read: Permission denied"):
        FolderDataset(tmp_path)


def test_only_empty_files_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(DatasetError, match=r"no usable image \(a\.png: empty"):
        FolderDataset(tmp_path).scan(Recorder())


def test_the_state_changes_with_the_content_only(tmp_path: Path, make_photo: Maker) -> None:
    path = make_photo(tmp_path / "a.png", 0)
    before = FolderDataset(tmp_path).state()
    assert FolderDataset(tmp_path).state() == before
    (tmp_path / "notes.txt").write_text("no image")
    assert FolderDataset(tmp_path).state() == before
    os.utime(path, ns=(1, 1))
    touched = FolderDataset(tmp_path).state()
    make_photo(tmp_path / "b.png", 1)
    assert len({before, touched, FolderDataset(tmp_path).state()}) == 3


def test_a_file_changed_after_the_scan_is_refused(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "a.png", 0)
    dataset = FolderDataset(tmp_path)
    (item,) = dataset.scan(Recorder()).items
    assert dataset.open(item).size == (24, 18)
    make_photo(tmp_path / "a.png", 1)
    with pytest.raises(DatasetError, match=r"a\.png has changed"):
        dataset.open(item)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"a\.png cannot be read: No such file"):
        dataset.open(item)


def test_a_scan_can_be_cancelled_and_reports_progress(
    tmp_path: Path, make_photo: Maker, recorder: Recorder
) -> None:
    for number in range(70):
        make_photo(tmp_path / f"{number}.png", number, (2, 2))
    dataset = FolderDataset(tmp_path)
    dataset.scan(recorder)
    assert recorder.reports[0] == (0, 70, "images")
    assert recorder.reports[-1] == (70, 70, "images")
    recorder.cancel_after = recorder.checks + 1
    with pytest.raises(Cancelled):
        dataset.scan(recorder)


def test_an_index_survives_json(tmp_path: Path, make_photo: Maker) -> None:
    make_photo(tmp_path / "train/n01440764/ä.png", 0)
    make_photo(tmp_path / "val/n02102040/b.png", 1)
    make_photo(tmp_path / "val/n02102040/c.png", 1)
    index = FolderDataset(tmp_path).scan(Recorder())
    assert Index.from_dict(json.loads(json.dumps(index.to_dict()))) == index
    assert index.skipped == (Skipped("val/n02102040/c.png", "same content as val/n02102040/b.png"),)


@pytest.mark.parametrize("damage", [{"items": [["too short"]]}, {"items": 3}, {"skipped": ["abc"]}])
def test_a_corrupt_index_is_a_store_error(damage: dict[str, object]) -> None:
    good = Index("d", "s", (), (), ()).to_dict()
    with pytest.raises(StoreError, match="corrupt"):
        Index.from_dict(good | damage)


def test_imagenette_photos_are_read_as_they_are(imagenette_folder: Path) -> None:
    dataset = FolderDataset(imagenette_folder)
    assert dataset.class_names[:2] == ("tench", "English springer")
    assert len(dataset.class_names) == 10
    index = dataset.scan(Recorder())
    assert {i.split for i in index.items} == {"train", "val"}
    assert len({i.sha256 for i in index.items}) == len(index.items)
    assert decode(dataset.open(index.items[0]), 160).shape == (160, 160, 3)
