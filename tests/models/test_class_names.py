"""Names that mean the same class, and names that only look as if they did."""

from __future__ import annotations

import pytest

from effq_core.models.class_names import canonical, nearest, without_numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cassette_player", "Cassette player"),
        ("jack-o'-lantern", "Jack o' lantern"),
        ("Café", "CAFE"),
        ("Cafe\u0301", "café"),
        ("  two__words ", "Two Words"),
        ("Straße", "STRASSE"),
    ],
)
def test_case_accents_and_separators_make_no_other_class(one: str, other: str) -> None:
    assert canonical(one) == canonical(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("A-", "A"), ("-1", "1"), ("temp -1", "temp 1"), ("A+", "A-")]
)
def test_a_hyphen_that_separates_nothing_stays(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("и", "й"), ("cat", "cats")])
def test_letters_of_other_scripts_keep_what_tells_them_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (["0 cat", "1 dog"], ["cat", "dog"]),  # Teachable Machine
        (["0: cat", "1: dog"], ["cat", "dog"]),
        (["001.Black_footed", "002.Laysan"], ["Black_footed", "Laysan"]),  # CUB-200
        (["1_cat", "2-dog", "3) owl"], ["cat", "dog", "owl"]),
        (["0 people", "1 person"], ["people", "person"]),
        (["0 A", "1 A-"], ["A", "A-"]),
    ],
)
def test_numbers_that_count_the_classes_are_taken_away(names: list[str], plain: list[str]) -> None:
    assert without_numbers(names, in_order=True) == plain


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["0 cat", "dog"],  # not all have one
        ["1 Euro", "2 Euro"],  # two would become one
        ["2 doors", "4 wheels"],  # they count something else
        ["1 dog", "0 cat"],
        ["0", "1"],
        ["3d_printer", "4d_film"],
        ["2020-01", "2021-02"],
    ],
)
def test_numbers_that_mean_something_stay(names: list[str]) -> None:
    assert without_numbers(names, in_order=True) == names


def test_folders_are_some_of_the_classes_in_any_order() -> None:
    assert without_numbers(["3_cat", "1_dog"], in_order=False) == ["cat", "dog"]
    assert without_numbers(["3_cat", "3_dog"], in_order=False) == ["3_cat", "3_dog"]


def test_the_name_that_was_meant_is_found() -> None:
    labels = ["churches", "garbage truck", "golf ball"]
    assert nearest("church", labels) == "churches"
    assert nearest("Garbage_trucks", labels) == "garbage truck"
    assert nearest("zebra", labels) is None
    assert nearest("hurches", labels) == "churches"


@pytest.mark.parametrize(("name", "label"), [("dog", "dough"), ("fogs", "dogs"), ("able", "table")])
def test_short_words_are_meant_where_one_letter_differs_behind_the_first(
    name: str, label: str
) -> None:
    assert nearest(name, [label]) is None
    assert nearest(f"{label}s", [label]) == label
