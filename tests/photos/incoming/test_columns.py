"""Lists as pandas, Kaggle and labelling tools write them: read by their heading, or refused."""

from __future__ import annotations

import pytest

from effq_core.base.errors import DatasetError
from effq_core.photos.incoming.labels import from_list

PHOTOS = ["0001.jpg", "0002.jpg", "0003.png"]
RIGHT = {"0001.jpg": "cat", "0002.jpg": "dog", "0003.png": "cat"}


def labels(*lines: str, photos: list[str] | None = None) -> dict[str, str | None]:
    found = from_list("\n".join(lines).encode(), photos or PHOTOS)
    return {name: place.label for name, place in found.places.items()}


def notes(*lines: str) -> list[str]:
    return from_list("\n".join(lines).encode(), PHOTOS).notes


@pytest.mark.parametrize("file", ["file", "FileName", "file_name", "Image", "image id", "path"])
@pytest.mark.parametrize("label", ["label", "Class", "breed", "category", "target"])
@pytest.mark.parametrize("ending", [True, False])
def test_columns_are_found_by_their_heading(file: str, label: str, ending: bool) -> None:
    names = [name if ending else name.partition(".")[0] for name in PHOTOS]
    rows = [f"{160 + n},{name},{n},{RIGHT[PHOTOS[n]]}" for n, name in enumerate(names)]
    assert labels(f"width,{file},height,{label}", *rows) == RIGHT
    turned = [f"{RIGHT[PHOTOS[n]]};{name}" for n, name in enumerate(names)]
    assert labels(f"{label};{file}", *turned) == RIGHT


def test_columns_that_are_not_read_are_told() -> None:
    rows = ["0001.jpg,160,cat", "0002.jpg,161,dog", "0003.png,160,cat"]
    assert notes("filename,width,label", *rows) == [
        "Of the list, filename names the photo and label its class; not read: width."
    ]
    assert notes("filename,label", "0001.jpg,cat", "0002.jpg,dog", "0003.png,cat") == []


@pytest.mark.parametrize("heading", [[",filename,label"], ["Unnamed: 0,filename,label"], []])
@pytest.mark.parametrize("index", [(0, 1, 2), (1, 2, 3), (17, 4, 11)])
def test_the_index_pandas_writes_is_no_label(heading: list[str], index: tuple[int, ...]) -> None:
    rows = [f"{i},{name},{RIGHT[name]}" for i, name in zip(index, PHOTOS, strict=True)]
    if not heading and index[0] == 17:  # numbers that count nothing, and nobody says what they are
        with pytest.raises(DatasetError, match="column 1, column 2, column 3"):
            labels(*rows)
    else:
        assert labels(*heading, *rows) == RIGHT
        assert notes(*heading, *rows) == []


def test_names_without_their_ending_are_found_where_they_mean_one_photo() -> None:
    assert labels("id,breed", "0001,cat", "0002,dog", "0003,cat") == RIGHT
    assert labels("0001,cat", "0002,dog", "0003,cat") == RIGHT
    photos = ["a/1.jpg", "b/1.jpg", "b/2.jpg", "2.jpg", "3.jpg.png", "3.jpg"]
    rows = ["1,x", "a/1,y", "b/2,z", "2,w", "3.jpg,v"]
    assert labels("id,label", *rows, photos=photos) == {
        "a/1.jpg": "y",
        "b/2.jpg": "z",
        "3.jpg": "v",
    }, "'1' and '2' may mean two photos; an ending that is there is meant"


@pytest.mark.parametrize("marks", [("1", "0"), ("1.0", "0.0"), ("True", "False")])
@pytest.mark.parametrize("front", ["", "id,"])
def test_one_hot_columns_are_the_classes(marks: tuple[str, str], front: str) -> None:
    yes, no = marks
    rows = [(f"{n}," if front else "") + name for n, name in enumerate(PHOTOS)]
    lines = [f"{rows[0]},{yes},{no}", f"{rows[1]},{no},{yes}", f"{rows[2]},{yes},{no}"]
    assert labels(f"{front}image,cat,dog", *lines) == RIGHT
    assert notes(f"{front}image,cat,dog", *lines) == [
        "The list is one-hot: its columns cat, dog are the classes."
    ]


def test_of_a_class_and_its_number_the_name_is_taken() -> None:
    rows = ["1,0001.jpg,cat", "0,0002.jpg,dog", "1,0003.png,cat"]
    assert labels("class id,filepaths,labels", *rows) == RIGHT
    assert labels("class,file,label", *rows) == RIGHT
    assert set(labels("class_id,file,size", *rows).values()) == {"0", "1"}


def test_numbers_of_classes_are_no_photos_that_have_the_same_number() -> None:
    photos = ["0.jpg", "1.jpg", "2.jpg", "30.jpg"]
    rows = ["2,0", "30,1", "77,0", "78,1", "79,0"]
    assert labels("id,label", *rows, photos=photos) == {"2.jpg": "0", "30.jpg": "1"}


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (
            ["0001.jpg,160,cat", "0002.jpg,161,dog"],
            r"has 3 columns, and none is headed as the label: column 1, column 2, column 3\.",
        ),
        (
            ["filename,width,animal", "0001.jpg,160,cat", "0002.jpg,161,dog"],
            r"none is headed as the label: filename, width, animal\.",
        ),
        (
            ["image,cat,dog", "0001.jpg,1,1", "0002.jpg,0,1"],
            r"has 2 classes for 0001\.jpg, not one",
        ),
        (["image,cat,dog", "0001.jpg,0,0", "0002.jpg,0,1"], "has 0 classes for 0001"),
        (["image,cat,dog", "0001.jpg,0.7,0.3"], "none is headed as the label: image, cat, dog"),
        (
            ["file,species,breed", "0001.jpg,cat,tabby", "0002.jpg,cat,manx"],
            "has several columns of labels: species, breed",
        ),
        (
            ["before,after,label", "0001.jpg,0002.jpg,cat", "0002.jpg,0003.png,dog"],
            "names photos in several columns: before, after",
        ),
        (["0001.jpg,cat, big", "0002.jpg,dog"], "3 columns"),
        (["0001.jpg,dog", "0002.jpg,cat, big"], "has 3 columns in line 2, 2 in line 1"),
        (["filename,", "0001.jpg,", "0002.jpg,"], "has one column only"),
        (
            ["gone.txt,0,1,0", "0001.jpg,1,0,0", "0002.jpg,0,1,0"],
            r"looks one-hot, but its columns are not named apart: 0, 1, 0\.",
        ),
        (["gone,1.0,False", "0001.jpg,1,0", "0002.jpg,0,1"], "not named apart: 1.0, False"),
        (["image,cat,Cat", "0001.jpg,1,0", "0002.jpg,0,1"], "not named apart: cat, Cat"),
        (
            ["image,cat, ", "0001.jpg,1,0", "0002.jpg,0,1", "0003.png,1,0"],
            "not named apart: cat, column 3",
        ),
        (
            ["filename,train,is_test", "0001.jpg,1,0", "0002.jpg,0,1"],
            r"has no column of labels: train, is_test divides the photos\.",
        ),
        (["filename,split", "0001.jpg,train", "0002.jpg,val"], "no column of labels: split"),
        ([",filename", "0,0001.jpg", "1,0002.jpg"], "has no column of labels"),
    ],
)
def test_what_leaves_the_label_open_is_refused_with_what_was_seen(
    lines: list[str], seen: str
) -> None:
    with pytest.raises(DatasetError, match=seen) as caught:
        labels(*lines)
    assert caught.value.hint


def test_a_train_beside_other_vehicles_is_a_class() -> None:
    rows = ["0001.jpg,1,0", "0002.jpg,0,1", "0003.png,1,0"]
    assert set(labels("image,train,bus", *rows).values()) == {"train", "bus"}


def test_a_short_list_with_a_wide_first_line_is_refused_before_it_is_filled_up() -> None:
    rows = ["0001.jpg,cat"] * 600
    with pytest.raises(DatasetError, match="has 20,001 columns in line 1 and 601 lines") as caught:
        labels("filename,label" + "," * 19_999, *rows)
    assert "leave only these" in caught.value.hint
    assert labels("filename,label" + "," * 9, "0001.jpg,cat") == {"0001.jpg": "cat"}
