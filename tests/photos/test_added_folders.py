from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.errors import DatasetError, StoreError
from effq_core.base.settings import Home
from effq_core.photos import preview as preview_module
from effq_core.photos.added import add_folder, added_folders, forget_folder
from effq_core.photos.catalogue import Origin, available, open_dataset
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots

MakePhoto = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, make_photo: MakePhoto) -> Path:
    """Two classes with splits: 6 usable photos, and one of each kind of trouble."""
    root = tmp_path / "photos" / "garden"
    for number, name in enumerate(
        ["train/cat/a", "train/cat/b", "train/dog/c", "val/cat/d", "val/dog/e", "val/dog/f"]
    ):
        make_photo(root / f"{name}.png", number)
    shutil.copy(root / "train/cat/a.png", root / "train/cat/copy.png")
    (root / "train/cat/empty.jpg").write_bytes(b"")
    (root / "train/cat/text.jpg").write_text("not a photo")
    (root / "train/cat/phone.heic").write_bytes(b"x")
    make_photo(root / "elsewhere.png", 99)
    return root


@pytest.fixture
def roots(folder: Path) -> Roots:
    return Roots((folder.parent,))


def test_a_preview_counts_classes_and_splits_and_says_what_is_left_out_and_why(
    roots: Roots, folder: Path
) -> None:
    seen = preview_folder(roots, folder)
    assert (seen.path, seen.images, seen.has_splits, seen.complete) == (folder, 6, True, True)
    counts = [(each.name, each.images, each.training, each.evaluation) for each in seen.classes]
    assert counts == [("cat", 3, 2, 1), ("dog", 3, 1, 2)]
    assert {each.key: each.reason for each in seen.skipped} == {
        "elsewhere.png": "outside train/ and val/",
        "train/cat/copy.png": "same content as train/cat/a.png",
        "train/cat/empty.jpg": "empty file (zero bytes)",
        "train/cat/phone.heic": ".heic is not supported; convert it to JPEG or PNG",
        "train/cat/text.jpg": "is not an image of a known format",
    }
    used = [folder / f"{name}.png" for name in ("train/cat/a", "train/cat/b", "train/dog/c")]
    used += [folder / f"{name}.png" for name in ("val/cat/d", "val/dog/e", "val/dog/f")]
    assert seen.bytes == sum(path.stat().st_size for path in used)


def test_thumbnails_are_real_pictures_of_as_many_classes_as_there_are(
    roots: Roots, folder: Path
) -> None:
    thumbnails = preview_folder(roots, folder).thumbnails
    assert [each.label for each in thumbnails] == ["cat", "dog"] * 3
    for each in thumbnails:
        picture = Image.open(io.BytesIO(each.jpeg))
        assert (picture.format, picture.size) == ("JPEG", (112, 112))


def test_a_large_folder_is_not_read_wholly_but_photos_that_fail_are_told(
    roots: Roots, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "HASHED_BYTES", 10)
    seen = preview_folder(roots, folder)
    reasons = {each.key: each.reason for each in seen.skipped}
    assert not seen.complete
    assert "train/cat/copy.png" not in reasons  # nobody has compared contents
    assert reasons["train/cat/empty.jpg"] == "empty file (zero bytes)"
    assert reasons["train/cat/text.jpg"] == "is not an image of a known format"
    assert seen.images == 7


def test_photos_without_class_folders_are_unlabelled(
    roots: Roots, folder: Path, make_photo: MakePhoto
) -> None:
    loose = folder.parent / "loose"
    for number in range(3):
        make_photo(loose / f"{number}.png", number)
    seen = preview_folder(roots, loose)
    assert (seen.images, seen.classes, seen.has_splits) == (3, (), False)
    assert [each.label for each in seen.thumbnails] == ["", "", ""]


def test_folders_that_cannot_be_used_say_why(roots: Roots, folder: Path, tmp_path: Path) -> None:
    (folder.parent / "bare").mkdir()
    with pytest.raises(DatasetError, match="has no images"):
        preview_folder(roots, folder.parent / "bare")
    with pytest.raises(DatasetError, match="EFFQ_DATA_ROOTS"):
        preview_folder(roots, tmp_path)


@pytest.mark.parametrize("kind", ["photo", "folder"])
def test_photos_that_are_links_to_other_places_are_refused(
    roots: Roots, folder: Path, tmp_path: Path, make_photo: MakePhoto, kind: str
) -> None:
    private = make_photo(tmp_path / "private" / "secret.png", 7)
    link = folder / "train" / "cat" / ("z.png" if kind == "photo" else "z")
    link.symlink_to(private if kind == "photo" else private.parent)
    with pytest.raises(DatasetError, match=r"1 photos .* are links to other places") as caught:
        preview_folder(roots, folder)
    assert "EFFQ_DATA_ROOTS" in caught.value.hint
    both = Roots((*roots.folders, private.parent))
    assert preview_folder(both, folder).images == 7


def test_an_added_folder_is_a_dataset_until_it_is_forgotten(
    home: Home, roots: Roots, folder: Path
) -> None:
    added = add_folder(home, roots, preview_folder(roots, folder))
    assert added.id == f"folder:{folder}"
    card = available(home)[-1]
    assert (card.id, card.title, card.origin) == (added.id, "garden", Origin.FOLDER)
    assert (card.classes, card.is_present, card.source) == (2, True, str(folder))
    assert card.summary == "6 photos of 2 classes, counted when it was added."
    assert open_dataset(card.id, home).class_names == ("cat", "dog")
    forget_folder(home, added.id)
    assert added_folders(home) == ()
    assert len(list(folder.rglob("*.png"))) == 8  # every photo stays
    with pytest.raises(DatasetError, match="is not in the list"):
        forget_folder(home, added.id)


def test_adding_again_counts_again(
    home: Home, roots: Roots, folder: Path, make_photo: MakePhoto
) -> None:
    add_folder(home, roots, preview_folder(roots, folder))
    make_photo(folder / "val/dog/new.png", 50)
    add_folder(home, roots, preview_folder(roots, folder))
    assert [each.images for each in added_folders(home)] == [7]


def test_a_folder_that_is_gone_stays_in_the_list_and_says_so(
    home: Home, roots: Roots, folder: Path
) -> None:
    add_folder(home, roots, preview_folder(roots, folder))
    shutil.rmtree(folder)
    card = available(home)[-1]
    assert (card.is_present, card.bytes_on_disk) == (False, 0)


def test_a_preview_of_a_folder_outside_cannot_be_added(
    home: Home, roots: Roots, folder: Path, tmp_path: Path
) -> None:
    seen = preview_folder(roots, folder)
    with pytest.raises(DatasetError, match="EFFQ_DATA_ROOTS"):
        add_folder(home, Roots((tmp_path / "other",)), seen)
    assert added_folders(home) == ()


def test_folders_added_at_the_same_time_are_all_there(
    home: Home, roots: Roots, folder: Path, make_photo: MakePhoto
) -> None:
    names = [f"set{number}" for number in range(8)]
    for name in names:
        make_photo(folder.parent / name / "a.png", 1)
        make_photo(folder.parent / name / "b.png", 2)
    seen = [preview_folder(roots, folder.parent / name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: add_folder(home, roots, each), seen))
    assert sorted(each.title for each in added_folders(home)) == names


@pytest.mark.parametrize("content", ["{", "[]", '{"folders": [{"path": "/x"}]}', "{}"])
def test_a_damaged_list_is_reported_and_not_overwritten(
    home: Home, roots: Roots, folder: Path, content: str
) -> None:
    home.root.mkdir()
    path = home.root / "folders.json"
    path.write_text(content)
    seen = preview_folder(roots, folder)
    for touch in (lambda: added_folders(home), lambda: add_folder(home, roots, seen)):
        with pytest.raises(StoreError, match=r"folders\.json is damaged") as caught:
            touch()
        assert "no photo is lost" in caught.value.hint
    assert path.read_text() == content
