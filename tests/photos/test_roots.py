from __future__ import annotations

import os
from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.photos import roots as module
from effq_core.photos.roots import VARIABLE, Roots, require_allowed


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("cats", "Birds", "cats/black", ".hidden", ".hidden/deep"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "note.txt").write_text("no folder")
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "private").mkdir(parents=True)
    return folder


def test_every_folder_named_is_a_root_and_the_rest_is_reported(
    photos: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    file = photos / "note.txt"
    parts = [str(photos), "", "relative/folder", "/no/such/folder", str(file), str(other)]
    found = Roots.from_environment({VARIABLE: os.pathsep.join([*parts, f"{photos}/cats/.."])})
    assert found.folders == (photos, other)
    assert [(each.text, each.reason) for each in found.refused] == [
        ("relative/folder", "it is not an absolute path"),
        ("/no/such/folder", "it does not exist"),
        (str(file), "it is not a folder"),
    ]


def test_without_the_variable_there_is_nothing_to_choose(
    monkeypatch: pytest.MonkeyPatch, photos: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Roots.from_environment() == Roots()
    assert not Roots().allowed(photos)


def test_the_home_folder_can_be_written_with_a_tilde(
    monkeypatch: pytest.MonkeyPatch, photos: Path
) -> None:
    monkeypatch.setenv("HOME", str(photos.parent))
    assert Roots.from_environment({VARIABLE: "~/photos"}).folders == (photos,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_no_root(photos: Path) -> None:
    photos.chmod(0)
    found = Roots.from_environment({VARIABLE: str(photos)})
    photos.chmod(0o700)
    assert [each.reason for each in found.refused] == ["it cannot be read"]


def test_what_lies_below_a_root_is_allowed(photos: Path) -> None:
    roots = Roots((photos,))
    assert roots.allowed(photos)
    assert roots.require(photos / "cats" / ".." / "cats" / "black") == photos / "cats" / "black"
    assert roots.root_of(photos / "cats") == photos


@pytest.mark.parametrize(
    "path",
    [
        "{photos}/../outside",
        "{photos}/../outside/private",
        "{photos}-too",
        "{photos}/link",
        "{photos}/link/private",
        "{photos}/.hidden",
        "{photos}/.hidden/deep",
        "/",
        "/etc",
        "cats",
        "",
        "{photos}/circle",
        "{photos}/zero\0byte",
        "{photos}/" + "x" * 5000,
        "~",
    ],
)
def test_nothing_leads_out_of_a_root(photos: Path, outside: Path, path: str) -> None:
    (photos.parent / "photos-too").mkdir()
    (photos / "link").symlink_to(outside)
    (photos / "circle").symlink_to(photos / "circle")
    typed = path.format(photos=photos)
    roots = Roots((photos,))
    with pytest.raises(DatasetError) as caught:
        roots.require(typed)
    if "x" * 9 not in path:  # that one lies inside, but cannot exist
        assert not roots.allowed(typed)
        assert "is not in a folder that EFFQ_DATA_ROOTS names" in caught.value.message
    assert len(str(caught.value)) < 600


def test_outside_the_answer_does_not_tell_what_exists(photos: Path, outside: Path) -> None:
    def answer(name: str) -> str:
        with pytest.raises(DatasetError) as caught:
            Roots((photos,)).require(outside / name)
        return str(caught.value).replace(name, "NAME")

    assert answer("private") == answer("nothing")


def test_inside_the_answer_says_what_is_wrong(photos: Path) -> None:
    roots = Roots((photos,))
    with pytest.raises(DatasetError, match="does not exist"):
        roots.require(photos / "gone")
    with pytest.raises(DatasetError, match="is not a folder"):
        roots.require(photos / "note.txt")


def test_sub_folders_are_listed_without_hidden_ones_files_and_ways_out(
    photos: Path, outside: Path
) -> None:
    (photos / "escape").symlink_to(outside)
    (photos / "dangling").symlink_to(photos / "gone")
    (photos / "inside").symlink_to(photos / "cats")
    (photos / "into_hidden").symlink_to(photos / ".hidden")
    listed = Roots((photos,)).sub_folders(photos)
    assert listed.path == photos
    assert listed.names == ("Birds", "cats", "inside")
    assert listed.refused == ("escape", "into_hidden")
    assert not listed.more


def test_a_link_may_lead_to_another_root(photos: Path, outside: Path) -> None:
    (photos / "other").symlink_to(outside)
    roots = Roots((photos, outside))
    assert "other" in roots.sub_folders(photos).names
    assert roots.require(photos / "other") == outside


def test_long_listings_are_cut_and_say_so(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FOLDERS", 1)
    listed = Roots((photos,)).sub_folders(photos)
    assert (listed.names, listed.more) == (("Birds",), True)
    monkeypatch.setattr(module, "MOST_FOLDERS", 300)
    monkeypatch.setattr(module, "_MOST_ENTRIES", 2)
    assert Roots((photos,)).sub_folders(photos).more


def test_a_dataset_chosen_in_the_dashboard_lies_in_a_root_or_in_the_store(
    photos: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    (home.datasets / "mine").mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, str(photos))
    for known in ("photo_patches", "imagenette", "nonsense"):
        assert require_allowed(known, home) == known
    assert require_allowed(f"folder:{photos}/./cats", home) == f"folder:{photos}/cats"
    assert require_allowed(f"folder:{home.datasets}/mine", home).endswith("/mine")
    for typed in (f"folder:{outside}", f"folder:{home.root}", "folder:", "folder:relative"):
        with pytest.raises(DatasetError, match="EFFQ_DATA_ROOTS"):
            require_allowed(typed, home)
