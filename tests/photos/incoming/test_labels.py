"""Labels from folders, from lists as people's programs write them, and from nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.base.errors import DatasetError
from effq_core.photos.incoming.found import clean, escapes, is_litter, shown
from effq_core.photos.incoming.labels import (
    LONGEST_LABEL,
    Labelled,
    LabelSource,
    Place,
    from_folders,
    from_list,
    unlabelled,
)

PHOTOS = ["set/one/a.jpg", "set/one/b.jpg", "set/two/a.jpg", "c d.JPG", "ä.jpg"]


def labels(found: Labelled) -> dict[str, str | None]:
    return {name: place.label for name, place in found.places.items()}


@pytest.mark.parametrize("around", ["", "set/", "a/b/c/"])
def test_folders_are_classes_whatever_is_around_them(around: str) -> None:
    found = from_folders([f"{around}cat/1.png", f"{around}cat/deep/2.png", f"{around}dog/3.png"])
    assert found.source is LabelSource.FOLDERS
    assert list(labels(found).values()) == ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("train", "val"), [("train", "val"), ("Train", "TEST"), ("train", "valid")]
)
def test_splits_above_the_classes_are_kept(train: str, val: str) -> None:
    names = [f"x/{train}/cat/1.png", f"x/{val}/cat/2.png", "x/notes/3.png"]
    found = from_folders(names)
    assert list(found.places.values()) == [Place("cat", "train"), Place("cat", "val")]
    (left,) = found.skipped
    assert left.key == "x/notes/3.png"
    assert left.reason.startswith("outside train/ and ")


def test_one_split_alone_is_none_and_train_beside_bus_is_a_vehicle() -> None:
    assert set(from_folders(["train/cat/1.png", "train/dog/2.png"]).places.values()) == {
        Place("cat", None),
        Place("dog", None),
    }
    assert labels(from_folders(["train/1.png", "bus/2.png"])) == {
        "train/1.png": "train",
        "bus/2.png": "bus",
    }


def test_photos_in_one_folder_or_none_have_no_labels() -> None:
    for names in (["a.png", "b.png"], ["set/a.png", "set/b.png"]):
        found = from_folders(names)
        assert (found.source, set(labels(found).values())) == (LabelSource.NONE, {None})


def test_photos_beside_class_folders_are_left_out() -> None:
    found = from_folders(["cat/1.png", "dog/2.png", "cover.png"])
    assert labels(found) == {"cat/1.png": "cat", "dog/2.png": "dog"}
    assert found.skipped[0].reason == "outside any class folder"


@pytest.mark.parametrize(
    "text",
    [
        "set/one/a.jpg,cat\nset/two/a.jpg,dog\n",
        "file,label\r\nset/one/a.jpg,cat\r\nset/two/a.jpg,dog\r\n",
        "Bild;Klasse\nset/one/a.jpg;cat\nset/two/a.jpg;dog",
        'name\tlabel\nset/one/a.jpg\tcat\n"set/two/a.jpg"\t"dog"\n',
        ".\\set/one\\a.jpg,cat\n\n./set/two/a.jpg, dog ,\n",
        "one/a.jpg,cat\ntwo/a.jpg,dog\n",  # without the folder around
        "SET/ONE/A.JPG,cat\nset/two/A.jpg,dog\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_are_read_as_programs_write_them(text: str, encoding: str) -> None:
    found = from_list(text.encode(encoding), PHOTOS[:3])
    assert found.source is LabelSource.LIST
    assert labels(found) == {"set/one/a.jpg": "cat", "set/two/a.jpg": "dog"}
    assert [(each.key, each.reason) for each in found.skipped] == [
        ("set/one/b.jpg", "has no label in the list")
    ]
    assert not found.notes


def test_names_with_spaces_and_umlauts_are_found_in_any_form() -> None:
    decomposed = "c d.JPG;große Katze\na\u0308.jpg;kleine\n"
    assert labels(from_list(decomposed.encode(), PHOTOS)) == {
        "c d.JPG": "große Katze",
        "ä.jpg": "kleine",
    }
    spreadsheet = "c d.JPG;große Katze\nä.jpg;kleine\n".encode("cp1252")
    assert labels(from_list(spreadsheet, PHOTOS))["c d.JPG"] == "große Katze"


def test_files_the_list_names_and_nobody_has_are_told() -> None:
    found = from_list(b"gone.jpg,cat\nc d.JPG,cat\nset/one/a.jpg,\nalso gone.jpg,dog\n", PHOTOS)
    assert labels(found) == {"c d.JPG": "cat"}
    assert found.notes == [
        "2 lines of the list name no photo here: gone.jpg, also gone.jpg.",
        "The list gives no label for set/one/a.jpg.",
    ]


def test_a_name_that_means_two_photos_means_none() -> None:
    with pytest.raises(DatasetError, match="label for none of the 5 photos"):
        from_list(b"a.jpg,cat\n", PHOTOS)


def test_a_photo_with_two_labels_has_none() -> None:
    found = from_list(b"c d.JPG,cat\nc d.JPG,dog\nset/one/b.jpg,cat\nset/one/b.jpg,cat\n", PHOTOS)
    assert labels(found) == {"set/one/b.jpg": "cat"}
    assert ("c d.JPG", "has several labels in the list") in [
        (each.key, each.reason) for each in found.skipped
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"just one column\nand another\n", "no second column in line 1"),
        (b"a.jpg,cat\nb.jpg\n", "no second column in line 2"),
        (b"unknown.jpg,cat\n", r"label for none of the 5 photos\. It names unknown\.jpg"),
        (b'a,"' + b"x" * 200_000, "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\0\0,\0\0", "cannot be read|second column|label for none"),
        (b"\xff\xfe\x00", "is empty|second column"),
    ],
)
def test_what_is_no_list_says_why(content: bytes, why: str) -> None:
    with pytest.raises(DatasetError, match=why):
        from_list(content, PHOTOS, "mine.csv")


def test_labels_are_one_short_line() -> None:
    found = from_list(f'c d.JPG,"  two\n lines  "\nä.jpg,{"x" * 500}\n'.encode(), PHOTOS)
    assert labels(found)["c d.JPG"] == "two� lines"
    assert len(labels(found)["ä.jpg"] or "") == LONGEST_LABEL


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_list_or_a_message(content: bytes) -> None:
    try:
        found = from_list(content, PHOTOS)
    except DatasetError as error:
        assert error.message
    else:
        assert found.places


_PARTS = st.lists(
    st.sampled_from(["train", "val", "cat", "dog", "set", "a.png", "b.png", "ü"]),
    min_size=1,
    max_size=5,
)


@given(st.lists(_PARTS.map("/".join), min_size=1, max_size=12, unique=True))
@settings(max_examples=300, deadline=None)
def test_every_photo_has_a_place_or_a_reason(names: list[str]) -> None:
    found = from_folders(names)
    assert {shown(name) for name in found.places} | {each.key for each in found.skipped} == {
        shown(name) for name in names
    }
    assert len(found.places) + len(found.skipped) == len(names)
    known = {place.label is not None for place in found.places.values()}
    assert known <= ({False} if found.source is LabelSource.NONE else {True})


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_names_become_fit_to_be_shown(name: str) -> None:
    line = shown(clean(name))
    assert line.isprintable() or any(letter.isspace() for letter in line)
    line.encode()
    escapes(clean(name) or "x")
    is_litter(clean(name))
    assert unlabelled([name]).places[name] == Place(None, None)
