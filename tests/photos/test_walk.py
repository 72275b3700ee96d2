"""Links: followed the same way by a run that uses a folder and by adding it to one's photos."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_helpers import Recorder

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.photos import walk as walk_module
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.folder import FolderDataset
from effq_core.photos.incoming.upload import look_at_path
from effq_core.photos.walk import walk

Maker = Callable[..., Path]


@pytest.fixture
def linked(tmp_path: Path, make_photo: Maker) -> Path:
    """A folder put together of links: a class, a photo, and links that lead back or nowhere."""
    for number in range(4):
        make_photo(tmp_path / f"large/dog/{number}.png", number)
        make_photo(tmp_path / f"set/cat/{number}.png", 10 + number)
    make_photo(tmp_path / "large/one.png", 50)
    made = tmp_path / "set"
    (made / "dog").symlink_to(tmp_path / "large/dog")
    (made / "cat/one.png").symlink_to(tmp_path / "large/one.png")
    (made / "cat/gone.png").symlink_to(tmp_path / "nowhere.png")
    (made / "cat/up").symlink_to(tmp_path)
    (made / "cat/again").symlink_to(made / "cat")
    (tmp_path / "large/dog/back").symlink_to(made)
    os.mkfifo(made / "cat/pipe.png")
    return made


def test_a_run_and_adding_see_the_same_photos(linked: Path, tmp_path: Path) -> None:
    index = FolderDataset(linked).scan(Recorder())
    home = Home(tmp_path / "home")
    upload = look_at_path(home, linked)
    used = {item.key: index.class_names[item.label or 0] for item in index.items}
    names = upload.preview.class_names
    assert {each.name: names[each.label or 0] for each in upload.preview.photos} == used
    assert sorted(used) == [
        *(f"cat/{number}.png" for number in range(4)),
        "cat/one.png",
        *(f"dog/{number}.png" for number in range(4)),
    ]
    circles = dict.fromkeys(["cat/up", "cat/again", "dog/back"], "a link to a folder it lies in")
    gone = {"cat/gone.png": "cannot be read: No such file or directory"}
    left = {each.key: each.reason for each in index.skipped}
    assert left.pop("cat/pipe.png") == "not a plain file"
    assert left == {each.key: each.reason for each in upload.preview.skipped} == circles | gone
    outside = "Links lead to 5 files outside of the folder: they are copied, too."
    assert outside in upload.preview.notes
    upload.close()


def test_only_linked_files_that_are_taken_are_said_to_be_copied(linked: Path) -> None:
    large = linked.parent / "large/dog"
    (large / "notes.txt").write_text("no photo")
    (large / "empty.png").touch()
    (large / ".DS_Store").write_text("litter")
    upload = look_at_path(Home(linked.parent / "home"), linked)
    said = [note for note in upload.preview.notes if note.startswith("Links")]
    assert said == ["Links lead to 5 files outside of the folder: they are copied, too."]
    upload.close()


def test_a_folder_that_is_a_link_itself_is_the_folder(tmp_path: Path, make_photo: Maker) -> None:
    for number in range(4):
        make_photo(tmp_path / f"real/{'cat' if number % 2 else 'dog'}/{number}.png", number)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    home = Home(tmp_path / "home")
    upload = look_at_path(home, tmp_path / "link")
    assert len(upload.preview.photos) == 4
    assert not any("Links" in note for note in upload.preview.notes)
    upload.close()
    assert len(open_dataset(f"folder:{tmp_path / 'link'}", home).scan(Recorder()).items) == 4


def test_links_between_folders_come_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / f"set/{number}" for number in range(6)]
    for folder in folders:
        folder.mkdir(parents=True)
        for other in folders:
            (folder / f"to{other.name}").symlink_to(other)
    left: list[Path] = []

    def class_of(parts: tuple[str, ...]) -> tuple[str, ...]:
        return parts  # every path is of a class of its own

    def entries(folder: Path) -> list[Path]:
        return sorted(folder.iterdir())

    def leave_out(path: Path, reason: str) -> None:
        left.append(path)

    assert list(walk(tmp_path / "set", entries, leave_out, class_of)) == []
    assert len(left) > 6
    monkeypatch.setattr(walk_module, "MOST_LINKED", 100)
    with pytest.raises(DatasetError, match="more than 100 folders"):
        list(walk(tmp_path / "set", entries, leave_out, class_of))


def test_a_folder_counts_once_for_each_class_however_many_links_lead_there(
    tmp_path: Path, make_photo: Maker
) -> None:
    for number in range(6):
        make_photo(tmp_path / f"large/{number // 2}/{number}.png", number)
    make_photo(tmp_path / "set/own/a.png", 20)
    for name in ("b", "c", "d"):
        (tmp_path / f"hub/{name}").parent.mkdir(exist_ok=True)
        (tmp_path / f"hub/{name}").symlink_to(tmp_path / "large")
    for name in ("e", "f"):
        (tmp_path / f"set/{name}").symlink_to(tmp_path / "hub")
    photos = [f"{number // 2}/{number}.png" for number in range(6)]
    upper = FolderDataset(tmp_path / "set")
    assert [file.key for file in upper.files] == [
        *(f"e/b/{name}" for name in photos),
        *(f"f/b/{name}" for name in photos),
        "own/a.png",
    ]
    assert [(each.key, each.reason) for each in upper.skipped] == [
        (f"{up}/{down}", "its class has this folder already, by another path")
        for up in "ef"
        for down in "cd"
    ]
    lower = FolderDataset(tmp_path / "set", one_down=True)
    assert [file.key for file in lower.files] == [f"e/{n}/{name}" for n in "bcd" for name in photos]


def test_what_links_multiply_comes_to_an_end(
    tmp_path: Path, make_photo: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        (tmp_path / f"large/{number}").mkdir(parents=True)
    make_photo(tmp_path / "large/0/a.png", 0)
    (tmp_path / "set").mkdir()
    for number in range(20):
        (tmp_path / f"set/{number}").symlink_to(tmp_path / "large")
    assert len(FolderDataset(tmp_path / "set").files) == 20
    monkeypatch.setattr(walk_module, "MOST_LINKED", 500)  # 20 links, 19 times 31 folders again
    with pytest.raises(DatasetError, match="more than 500 folders"):
        FolderDataset(tmp_path / "set")


def test_adding_takes_a_folder_once_below_a_class_folder(tmp_path: Path, make_photo: Maker) -> None:
    for number in range(3):
        make_photo(tmp_path / f"large/{number}.png", number)
        make_photo(tmp_path / f"set/own/{number}.png", 10 + number)
    (tmp_path / "set/cat/all").mkdir(parents=True)
    for name in ("a", "b", "c"):
        (tmp_path / f"set/cat/all/{name}").symlink_to(tmp_path / "large")
    upload = look_at_path(Home(tmp_path / "home"), tmp_path / "set")
    assert [each.name for each in upload.preview.photos if "cat" in each.name] == [
        f"cat/all/a/{number}.png" for number in range(3)
    ]
    assert [each.key for each in upload.preview.skipped] == ["cat/all/b", "cat/all/c"]
    upload.close()
