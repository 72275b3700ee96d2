"""Outputs in another order are found and named, and nothing else is called so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from effq_core.measure.reordering import KAPPA, Reordering, chance_agreement, find_reordering, kappa

ANIMALS = ["cat", "dog", "ant", "bee", "cow", "hen", "owl", "pig", "rat", "yak"]


def told(order: Reordering, names: list[str] = ANIMALS) -> tuple[object, ...]:
    facts = order.facts(names)
    return facts["swapped"], facts["pairs"], facts["count"]


def answers(n: int, classes: int, kept: float = 1.0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """A model's answers to photos that come sorted by class, and a lossy copy's."""
    rng = np.random.default_rng(seed)
    wanted = np.sort(rng.integers(0, classes, n))
    return wanted, np.where(rng.random(n) < kept, wanted, rng.integers(0, classes, n))


def test_two_swapped_classes_are_named_and_the_agreement_after_it() -> None:
    wanted, found = answers(400, 10, 0.97)
    swapped = np.where(found < 2, 1 - found, found)
    order = find_reordering(wanted, swapped, ANIMALS)
    assert order is not None
    assert told(order) == (True, [["cat", "dog"]], 1)
    assert order.after == (wanted == found).sum() > order.before == (wanted == swapped).sum()


def test_of_many_moved_classes_a_few_are_named_and_the_rest_counted() -> None:
    wanted, found = answers(600, 10)
    order = find_reordering(wanted, (found + 3) % 10, ANIMALS)
    assert order is not None and order.after == 600
    assert told(order) == (False, [["cat", "pig"], ["dog", "rat"]], 10)
    pairs = find_reordering(wanted, found ^ 1, ANIMALS)
    assert pairs is not None
    assert told(pairs) == (True, [["cat", "dog"], ["ant", "bee"]], 5)


@pytest.mark.parametrize(
    ("moved", "rule"),
    [
        (lambda f, n: (f + 1) % n, "before"),
        (lambda f, n: (f - 1) % n, "after"),
        (lambda f, n: np.argsort(sorted(range(n), key=str))[f], "digits"),
        (lambda f, n: np.argsort(sorted(range(n), key=lambda i: name(i)))[f], "alphabetical"),
    ],
)
def test_the_usual_orders_are_known_with_one_photo_a_class(moved: object, rule: str) -> None:
    wanted = np.arange(300)
    order = find_reordering(wanted, moved(wanted, 300), [name(i) for i in range(300)])  # type: ignore[operator]
    assert order is not None
    assert order.facts([]) == {"after": 300, "n": 300, "rule": rule}


def name(i: int) -> str:
    """A name that sorts by other digits than its number does."""
    return f"class {i * 7 % 300:03d}"


@pytest.mark.parametrize(
    "found",
    [
        lambda wanted, rng: rng.integers(0, 10, len(wanted)),
        lambda wanted, rng: np.full(len(wanted), 3),
        lambda wanted, rng: np.where(rng.random(len(wanted)) < 0.4, wanted, 3),
        lambda wanted, rng: np.where(wanted == 1, 0, wanted),  # one class lost to another
    ],
    ids=["random", "constant", "drawn to one class", "one class lost"],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_loss_is_no_order(found: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.choice(10, 1000, p=[0.3, 0.25, *[0.45 / 8] * 8])
    assert find_reordering(wanted, found(wanted, rng), ANIMALS) is None  # type: ignore[operator]


def test_a_file_that_always_says_no_is_not_one_that_swaps_yes_and_no() -> None:
    wanted = np.repeat([0, 1], [400, 100])
    assert find_reordering(wanted, np.ones(500, np.int64), ["no", "yes"]) is None
    swapped = find_reordering(wanted, 1 - wanted, ["no", "yes"])
    assert swapped is not None
    assert told(swapped, ["no", "yes"]) == (True, [["no", "yes"]], 1)


def test_two_classes_that_a_lossy_file_mixes_up_are_not_swapped_ones() -> None:
    wanted = np.repeat(np.arange(10), 12)
    found = np.where((wanted < 2) & (np.arange(120) % 3 > 0), 1 - wanted, wanted)
    # Swapping them would bring 16 photos back and lose 8: chance does as much.
    assert find_reordering(wanted, found, ANIMALS) is None
    assert find_reordering(wanted, np.where(wanted < 2, 1 - wanted, wanted), ANIMALS) is not None


def test_an_output_that_is_right_for_its_own_class_and_answers_too_often_is_not_moved() -> None:
    """Of ten photos six show cats: a collapsed file calls most of them dogs, and dogs as well."""
    wanted = np.repeat([0, 1, 2], [300, 100, 100])
    found = np.where((wanted == 0) & (np.arange(500) % 6 > 0), 1, wanted)
    assert kappa(wanted, np.where(found == 1, 0, found)) > KAPPA, "the order would be believed"
    assert find_reordering(wanted, found, ANIMALS[:3]) is None


def test_many_classes_and_few_photos_fit_noise_and_it_is_not_believed() -> None:
    rng = np.random.default_rng(1)
    # An order fitted to all of them would make most of these agree.
    wanted, found = rng.integers(0, 1000, 200), rng.integers(0, 1000, 200)
    assert find_reordering(wanted, found, [str(i) for i in range(1000)]) is None


def test_of_very_many_classes_only_the_usual_orders_are_tried() -> None:
    rng = np.random.default_rng(1)
    names = [f"class {i:05d}" for i in range(30_000)]
    wanted = rng.permutation(30_000)  # every order: 7 GB, and hours
    assert find_reordering(wanted, rng.permutation(30_000), names) is None
    late = find_reordering(wanted, (wanted + 1) % 30_000, names)
    assert late is not None and late.after == 30_000


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_order_of_a_sound_file_is_found_again(data: st.DataObject) -> None:
    classes = data.draw(st.integers(2, 12))
    order = np.array(data.draw(st.permutations(range(classes))))
    wanted, found = answers(60 * classes, classes, 0.95, data.draw(st.integers(0, 99)))
    again = find_reordering(wanted, order[found], [f"c{i}" for i in range(classes)])
    if (order == np.arange(classes)).all():
        assert again is None
        return
    assert again is not None
    assert (again.meaning[order] == np.arange(classes)).all()
    assert again.after == (wanted == found).sum()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_kappa_is_cohens(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    if chance_agreement(a, b) < 1:
        assert kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    else:
        assert kappa(a, b) == 0
