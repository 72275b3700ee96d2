from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.models.card import IMAGENETTE_WNIDS, Label, label_set
from effq_core.models.classes import ClassMatch, HeadUse, match_classes, new_head_note

# Their indices in ImageNet-1k, in folder order.
IMAGENETTE = (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)


def names_of(labels: tuple[Label, ...]) -> list[str]:
    return [label.name for label in labels]


def test_a_dataset_with_all_classes_uses_the_whole_head() -> None:
    labels = label_set("imagenette")
    match = match_classes(labels, names_of(labels), IMAGENETTE_WNIDS)
    assert match == ClassMatch(HeadUse.WHOLE, tuple(range(10)))


def test_the_order_of_a_dataset_is_not_the_models() -> None:
    labels = label_set("imagenette")[::-1]
    match = match_classes(label_set("imagenette"), names_of(labels), IMAGENETTE_WNIDS[::-1])
    assert match == ClassMatch(HeadUse.WHOLE, tuple(range(10))[::-1])


def test_imagenette_is_found_inside_imagenet_by_wordnet_id() -> None:
    match = match_classes(label_set("imagenet"), IMAGENETTE_WNIDS, IMAGENETTE_WNIDS)
    assert match == ClassMatch(HeadUse.SUBSET, IMAGENETTE)


def test_imagenette_is_found_inside_imagenet_by_name() -> None:
    names = names_of(label_set("imagenette"))
    match = match_classes(label_set("imagenet"), names, [None] * 10)
    assert match == ClassMatch(HeadUse.SUBSET, IMAGENETTE)


@given(st.sets(st.integers(0, 999), min_size=2, max_size=40), st.randoms())
def test_any_classes_of_imagenet_are_found_by_wordnet_id(chosen: set[int], random: Any) -> None:
    order = sorted(chosen)
    random.shuffle(order)
    labels = label_set("imagenet")
    wnids = [labels[i].wnid for i in order]
    match = match_classes(labels, ["whatever"] * len(order), wnids)
    assert match == ClassMatch(HeadUse.SUBSET, tuple(order))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_case_does_not_matter_in_names(change: Any) -> None:
    labels = label_set("imagenette")
    names = [change(name) for name in names_of(labels)]
    match = match_classes(labels, names, [None] * 10)
    assert match == ClassMatch(HeadUse.WHOLE, tuple(range(10)))


def test_a_name_two_classes_share_finds_neither_but_their_ids_find_both() -> None:
    labels = label_set("imagenet")
    cranes = [i for i, label in enumerate(labels) if label.name.casefold() == "crane"]
    assert len(cranes) == 2
    assert match_classes(labels, ["crane", "tench"], [None, None]).use is HeadUse.NEW
    wnids = [labels[i].wnid for i in cranes]
    match = match_classes(labels, ["crane", "crane"], wnids)
    assert match == ClassMatch(HeadUse.SUBSET, tuple(cranes))


@pytest.mark.parametrize(
    ("names", "wnids"),
    [
        (["tench", "my own cat"], [None, None]),  # one class is not among them
        (["tench", "church"], ["n01440764", "n99999999"]),  # an id counts more than a name
        (["tench", "Tench"], [None, None]),  # two classes of the dataset, one of the model
        (["tench", "church"], ["n01440764", "n01440764"]),
    ],
)
def test_one_class_that_is_not_found_makes_the_whole_head_new(
    names: list[str], wnids: list[str | None]
) -> None:
    assert match_classes(label_set("imagenet"), names, wnids) == ClassMatch(HeadUse.NEW)


def test_without_classes_there_are_no_labels() -> None:
    assert match_classes(label_set("imagenet"), [], []) == ClassMatch(HeadUse.UNLABELLED)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["0 cat", "1 dog"], ["cat", "dog"]),
        (["cat", "dog"], ["0 cat", "1 dog"]),
        (["cassette player", "Café"], ["cafe", "Cassette_Player"]),
        (["001.Black_footed", "002.Laysan"], ["laysan", "black-footed"]),
    ],
)
def test_numbers_separators_and_accents_do_not_matter_in_names(
    labels: list[str], names: list[str]
) -> None:
    match = match_classes([Label(name) for name in labels], names, [None] * len(names))
    assert match.use is HeadUse.WHOLE
    assert sorted(match.class_map) == [0, 1]
    assert note(labels, names) == ""


def test_names_that_would_become_one_are_not_merged() -> None:
    two = [Label("hot_dog"), Label("hot dog"), Label("cat")]
    exact = match_classes(two, ["hot dog", "hot_dog"], [None, None])
    assert exact == ClassMatch(HeadUse.SUBSET, (1, 0)), "a name as it is wins"
    assert match_classes(two, ["Hot-Dog", "cat"], [None, None]).use is HeadUse.NEW
    assert match_classes([Label("hot dog")], ["hot_dog", "Hot Dog"], [None, None]).use is (
        HeadUse.NEW
    )
    coins = [Label("1 Euro"), Label("2 Euro")]
    assert match_classes(coins, ["2 euro", "1 euro"], [None, None]).class_map == (1, 0)
    assert match_classes(coins, ["Euro"], [None]).use is HeadUse.NEW


def test_labels_without_any_wordnet_id_are_compared_by_name() -> None:
    names = names_of(label_set("imagenette"))
    own = [Label(name) for name in names]
    match = match_classes(own, names, IMAGENETTE_WNIDS)
    assert match == ClassMatch(HeadUse.WHOLE, tuple(range(10)))
    ids = [Label(wnid) for wnid in IMAGENETTE_WNIDS]
    assert match_classes(ids, names, IMAGENETTE_WNIDS) == match


def test_one_label_that_looks_like_an_id_does_not_hide_the_names_of_others() -> None:
    labels = [Label("n02102040"), Label("tench"), Label("church")]
    names, wnids = ["church", "English springer", "tench"], ["n03028079", "n02102040", "n01440764"]
    assert match_classes(labels, names, wnids) == ClassMatch(HeadUse.WHOLE, (2, 0, 1))
    other = [Label("crane", "n02012849"), Label("crane")]
    assert match_classes(other, ["crane"], ["n03126707"]) == ClassMatch(HeadUse.SUBSET, (1,))
    assert match_classes(other, ["crane"], [None]).use is HeadUse.NEW


def test_short_words_with_letters_in_common_are_no_near_miss() -> None:
    said = note(names_of(label_set("imagenet")), ["dog", "cat"])
    assert "None of the 2 classes is one of its labels." in said


def note(labels: list[str], names: list[str]) -> str:
    given = tuple(Label(name) for name in labels)
    said = new_head_note(given, tuple(names), (None,) * len(names))
    assert said.near_miss == ("To use the model's own head" in said.text)
    return said.text


def test_a_near_miss_is_named() -> None:
    labels = names_of(label_set("imagenette"))
    meant = [name if name != "church" else "churches" for name in labels]
    said = note(meant, labels)
    assert said.startswith("A new head is trained in place of the model's own. ")
    assert "9 of 10 classes are the model's; 'church' is not one of its labels" in said
    assert "nearest: 'churches'" in said
    assert note(["dogs", "cats"], ["dog", "cat"]).count("nearest") == 2


def test_classes_of_ones_own_are_said_to_be_that() -> None:
    assert note(["cat", "dog"], ["oak", "beech"]) == (
        "A new head is trained in place of the model's own. None of the 2 classes is one of its"
        " labels."
    )


def test_what_was_probably_meant_is_named_first_and_the_rest_counted() -> None:
    said = note(["cat", "churches"], ["cat", "oak", "elm", "fir", "church"])
    assert said.index("nearest: 'churches'") < said.index("'oak'")
    assert "'oak'" in said
    assert "'fir'" not in said
    assert "; 1 more not found." in said


def test_names_that_are_two_classes_are_named() -> None:
    assert "'crane' is the name of 2 of its labels" in note(["crane", "Crane", "cat"], ["crane"])
    assert "'Hot Dog' is 'hot dog', as another class is" in note(
        ["hot dog"], ["hot_dog", "Hot Dog"]
    )
