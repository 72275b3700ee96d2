"""From a zip, a folder or a list to a dataset like any other."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.photos.catalogue import Origin, available, open_dataset
from effq_core.photos.glance import glance
from effq_core.photos.incoming.labels import LabelSource
from effq_core.photos.incoming.upload import look_at_files, look_at_path
from effq_core.photos.own_photos import own_photos, slug_of
from tests.photos.incoming.ingest_helpers import given, left_behind, photo, two_classes, zipped


def test_a_zip_becomes_a_dataset_like_any_other(home: Home) -> None:
    entries = [*two_classes(), ("set/cat/copy.png", photo(0)), ("set/cat/bad.jpg", b"no photo")]
    entries += [("set/.DS_Store", b"x"), ("set/notes.txt", b"x")]
    found = look_at_files(home, given(*entries))
    preview = found.preview
    assert (len(preview.photos), preview.class_names) == (6, ("cat", "dog"))
    assert (preview.labels_from, preview.litter, preview.has_splits) == ("folders", 1, False)
    assert {each.key: each.reason for each in preview.skipped} == {
        "set/notes.txt": "not a photo by its name",
        "set/cat/bad.jpg": "is not an image of a known format",
        "set/cat/copy.png": "same content as set/cat/0.png",
    }
    assert [each.label for each in preview.thumbnails] == ["cat", "dog"] * 3
    assert Image.open(io.BytesIO(preview.thumbnails[0].jpeg)).size == (112, 112)
    assert found.suggested == "my pets 2024"
    assert own_photos(home) == ()  # nothing is stored before somebody says so

    added = found.add(home, "  My\npets ")
    assert (added.id, added.title, added.photos) == ("photos:my-pets", "My pets", 6)
    card = next(card for card in available(home) if card.origin is Origin.OWN)
    assert (card.id, card.title, card.classes) == (added.id, "My pets", 2)
    assert card.bytes_on_disk == preview.bytes
    dataset = open_dataset(added.id, home)
    index = dataset.scan(SilentReporter())
    assert (dataset.title, dataset.class_names) == ("My pets", ("cat", "dog"))
    assert sorted(item.label or 0 for item in index.items) == [0, 0, 0, 1, 1, 1]
    assert not index.skipped
    assert {dataset.open(item).size for item in index.items} == {(32, 24)}
    assert glance(added.id, home).per_class == {"cat": 3, "dog": 3}
    assert left_behind(home.root) == []


def test_photos_and_a_list_come_together(home: Home) -> None:
    files = [(f"IMG {n}.PNG", photo(n)) for n in range(5)]
    rows = "".join(f"img {n}.png;{'big cat' if n % 2 else '../../evil'}\n" for n in range(4))
    found = look_at_files(home, [*files, ("labels.csv", f"\ufefffile;label\n{rows}".encode())])
    assert found.preview.labels_from is LabelSource.LIST
    assert found.preview.class_names == ("../../evil", "big cat")
    assert [each.reason for each in found.preview.skipped] == ["has no label in the list"]
    added = found.add(home, "写真")
    assert added.slug == slug_of("写真")
    dataset = open_dataset(added.id, home)
    assert (dataset.title, dataset.class_names) == ("写真", ("../../evil", "big cat"))
    kept = list(home.root.rglob("*.png"))
    assert len(kept) == 4
    assert all(path.is_relative_to(home.datasets / "own") for path in kept)


def test_photos_alone_have_no_labels(home: Home) -> None:
    added = look_at_files(home, [(f"{n}.jpg", photo(n, "JPEG")) for n in range(4)]).add(home, "A")
    dataset = open_dataset(added.id, home)
    assert dataset.class_names == ()
    assert {item.label for item in dataset.scan(SilentReporter()).items} == {None}


def test_splits_and_wordnet_names_survive(home: Home) -> None:
    entries = [
        (f"{split}/{name}/{n}.png", photo(hash((split, name, n)) % 10_000))
        for split in ("train", "val")
        for name in ("n01440764", "own thing")
        for n in range(3)
    ]
    added = look_at_files(home, given(*entries)).add(home, "Split")
    dataset = open_dataset(added.id, home)
    assert dataset.wnids == ("n01440764", None)
    assert dataset.class_names == ("tench", "own thing")
    index = dataset.scan(SilentReporter())
    assert sorted(item.split or "" for item in index.items) == ["train"] * 6 + ["val"] * 6


def test_a_folder_is_copied_and_what_links_lead_to_is_only_taken_as_photos(
    home: Home, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    for name, content in two_classes():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    (source / "set/cat/link.png").symlink_to("/etc/passwd")
    (source / "set/elsewhere").symlink_to(tmp_path)
    os.mkfifo(source / "set/cat/pipe.png")
    found = look_at_path(home, source)
    assert found.suggested == "source"
    assert {each.key: each.reason for each in found.preview.skipped} == {
        "set/elsewhere": "a link to a folder it lies in",
        "set/cat/link.png": "is not an image of a known format",
    }
    assert found.add(home, "Copied").photos == 6
    assert len(list(source.rglob("*.png"))) == 8  # nothing of the folder has changed


def test_a_path_that_is_not_there_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        look_at_path(home, tmp_path / "gone.zip")
    with pytest.raises(DatasetError, match=r"gone\.csv cannot be read"):
        look_at_path(home, tmp_path, tmp_path / "gone.csv")
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "No photos were given"),
        ([("labels.csv", b"a,b")], "No photos were given"),
        ([("a.zip", b""), ("b.zip", b"")], "2 zips and 0 photos"),
        ([("a.zip", b""), ("b.png", b"")], "1 zip and 1 photo were"),
        ([("a.png", b"x"), ("1.csv", b""), ("2.csv", b"")], "2 lists of labels"),
        ([("a.zip", b"no zip")], "not a zip archive"),
        ([("a.zip", zipped([]))], "no photo in it"),
        ([("a.zip", zipped([("x.txt", b"x"), ("y.txt", b"")]))], "2 × not a photo by its name"),
        ([("a.png", b"no photo")], "None of the 1 photos can be used. The first: a.png: is not"),
        ([("a.exe", b"MZ")], "no photo in it"),
        ([("a.zip", zipped([("x/cat/1.png", photo(1)), ("y.png", photo(2))]))], "one class only"),
        ([("a.png", photo(1)), ("1.csv", b"a.png,cat")], "one class only: cat"),
        ([("a.png", photo(1)), ("1.csv", b"nonsense")], "1.csv has no second column"),
    ],
)
def test_what_cannot_be_used_says_why_and_leaves_nothing(
    home: Home, files: list[tuple[str, bytes]], why: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        look_at_files(home, files)
    assert why in caught.value.message
    assert left_behind(home.root) == []
