from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.base.errors import DatasetError
from effq_core.photos.index import TRAIN, VAL, ImageItem, Index
from effq_core.photos.sampling import ResolvedSizes, Role, candidates, check_sizes, draw_order

SEEDS = st.integers(0, 2**31 - 1)
CLASS_SIZES = st.lists(st.integers(1, 25), min_size=2, max_size=7)


def item(label: int | None, number: int, split: str | None = None) -> ImageItem:
    key = f"{split}/{label}/{number}"
    return ImageItem(key, label, split, hashlib.sha256(key.encode()).hexdigest())


def index_of(items: list[ImageItem]) -> Index:
    labels = {i.label for i in items if i.label is not None}
    names = tuple(f"class {n}" for n in range(max(labels) + 1)) if labels else ()
    return Index("test", "state", tuple(items), names, (None,) * len(names))


def pooled(sizes: list[int]) -> Index:
    return index_of([item(label, n) for label, size in enumerate(sizes) for n in range(size)])


def split_index(train: list[int], val: list[int]) -> Index:
    parts = ((TRAIN, train), (VAL, val))
    return index_of(
        [
            item(label, n, split)
            for split, sizes in parts
            for label, size in enumerate(sizes)
            for n in range(size)
        ]
    )


def assert_disjoint(a: Iterable[ImageItem], b: Iterable[ImageItem]) -> None:
    assert not {item.sha256 for item in a} & {item.sha256 for item in b}


def spread(items: list[ImageItem], room: dict[int | None, int]) -> int:
    """Largest difference between classes that could still have given an image."""
    counts = Counter(i.label for i in items)
    most = max(counts.values(), default=0)
    least = min((counts[label] for label in room if counts[label] < room[label]), default=most)
    return most - least


@given(sizes=CLASS_SIZES, seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_without_a_split_the_parts_are_disjoint_and_complete(sizes: list[int], seed: int) -> None:
    index = pooled(sizes)
    calibration = draw_order(index, Role.CALIBRATION, seed)
    evaluation = draw_order(index, Role.EVALUATION, seed)
    assert_disjoint(calibration, evaluation)
    assert {*calibration, *evaluation} == set(index.items)
    assert len(calibration) + len(evaluation) == len(index.items)
    counts = Counter(i.label for i in evaluation)
    for label, size in enumerate(sizes):
        if size > 1:
            assert counts[label] == max(round(0.3 * size), 1)


def test_classes_of_one_image_are_divided_among_each_other() -> None:
    index = pooled([1] * 10)
    assert len(draw_order(index, Role.EVALUATION, 1)) == 3
    assert len(draw_order(index, Role.TRAINING, 1)) == 7


@given(sizes=CLASS_SIZES, seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_every_prefix_of_evaluation_is_as_even_as_can_be(sizes: list[int], seed: int) -> None:
    index = split_index([3] * len(sizes), sizes)
    order = draw_order(index, Role.EVALUATION, seed)
    room: dict[int | None, int] = dict(enumerate(sizes))
    for length in range(len(order) + 1):
        assert spread(order[:length], room) <= 1


@given(sizes=CLASS_SIZES, seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_both_ends_of_the_training_part_are_even(sizes: list[int], seed: int) -> None:
    index = split_index(sizes, [1] * len(sizes))
    reserved = min(sizes) // 2 * len(sizes)
    for role in (Role.CALIBRATION, Role.TRAINING):
        order = draw_order(index, role, seed)
        assert len(order) == sum(sizes)
        for length in range(reserved + 1):
            assert spread(order[:length], dict.fromkeys(range(len(sizes)), 99)) <= 1


@given(sizes=CLASS_SIZES, seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_training_is_the_order_of_calibration_backwards(sizes: list[int], seed: int) -> None:
    index = pooled(sizes)
    front = draw_order(index, Role.CALIBRATION, seed)
    assert draw_order(index, Role.TRAINING, seed) == front[::-1]


@given(data=st.data(), sizes=CLASS_SIZES, seed=SEEDS, labelled=st.booleans())
@settings(max_examples=60, deadline=None)
def test_samples_are_disjoint_for_all_sizes_that_are_accepted(
    data: st.DataObject, sizes: list[int], seed: int, labelled: bool
) -> None:
    index = pooled(sizes) if labelled else index_of([item(None, n) for n in range(sum(sizes) + 2)])
    total = len(draw_order(index, Role.CALIBRATION, seed))
    available = len(index.items) - total
    if not available:
        return
    calibration = data.draw(st.integers(0, total))
    training = data.draw(st.none() | st.integers(0, total - calibration))
    chosen = check_sizes(index, calibration, training, None)
    samples = {role: candidates(index, role, chosen, seed) for role in Role}
    for role, size in (
        (Role.CALIBRATION, chosen.calibration),
        (Role.TRAINING, chosen.training),
        (Role.EVALUATION, chosen.evaluation),
    ):
        assert len(samples[role]) >= size
        assert samples[role] == draw_order(index, role, seed)[: len(samples[role])]
    assert_disjoint(samples[Role.CALIBRATION], samples[Role.TRAINING])
    assert_disjoint(samples[Role.CALIBRATION], samples[Role.EVALUATION])
    assert_disjoint(samples[Role.TRAINING], samples[Role.EVALUATION])


def test_a_sample_depends_on_its_own_size_alone() -> None:
    index = split_index([50, 40, 60], [5, 5, 5])
    few = candidates(index, Role.CALIBRATION, check_sizes(index, 20, 30, 5), 42)[:20]
    many = candidates(index, Role.CALIBRATION, check_sizes(index, 20, 100, 15), 42)[:20]
    assert few == many
    few = candidates(index, Role.TRAINING, check_sizes(index, 10, 50, 5), 42)[:50]
    many = candidates(index, Role.TRAINING, check_sizes(index, 100, 50, 15), 42)[:50]
    assert few == many


def test_the_same_seed_gives_the_same_images_whatever_their_order_or_names() -> None:
    index = pooled([9, 7, 8])
    shuffled = index_of(list(index.items)[::-1])
    renamed = index_of([ImageItem("x" + i.key, i.label, None, i.sha256) for i in index.items])
    for role in Role:
        order = draw_order(index, role, 7)
        assert draw_order(shuffled, role, 7) == order
        assert [i.sha256 for i in draw_order(renamed, role, 7)] == [i.sha256 for i in order]
        assert draw_order(index, role, 8) != order


def test_the_order_is_the_one_stored_results_were_made_with() -> None:
    keys = [i.key for i in draw_order(pooled([3, 3]), Role.CALIBRATION, 42)]
    assert keys == ["None/0/1", "None/1/0", "None/1/1", "None/0/0"]


def test_evaluation_comes_from_the_validation_split_and_the_rest_from_training() -> None:
    index = split_index([4, 4], [3, 2])
    assert {i.split for i in draw_order(index, Role.EVALUATION, 1)} == {VAL}
    assert {i.split for i in draw_order(index, Role.TRAINING, 1)} == {TRAIN}


def test_a_lone_split_is_divided_like_any_folder() -> None:
    index = index_of([item(label, n, VAL) for label in range(2) for n in range(10)])
    assert check_sizes(index, 5, None, None) == ResolvedSizes(5, 9, 6)


def test_sizes_left_open_take_what_there_is() -> None:
    index = split_index([10, 10], [4, 3])
    assert check_sizes(index, 5, None, None) == ResolvedSizes(5, 15, 7)
    assert check_sizes(index, 20, None, 2) == ResolvedSizes(20, 0, 2)


@pytest.mark.parametrize(
    ("sizes", "numbers", "hint"),
    [
        ((21, None, None), ("20 images", "21 were asked"), "at most 20"),
        ((5, 16, None), ("20 images", "leaves 15", "16 were asked"), "at most 15"),
        ((5, None, 8), ("7 images", "8 were asked"), "at most 7"),
    ],
)
def test_too_few_images_are_an_error_with_the_numbers(
    sizes: tuple[int, int | None, int | None], numbers: tuple[str, ...], hint: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        check_sizes(split_index([10, 10], [4, 3]), *sizes)
    for number in numbers:
        assert number in caught.value.message
    assert hint in caught.value.hint


def test_training_that_is_needed_and_has_no_images_is_an_error() -> None:
    with pytest.raises(DatasetError, match="leaves 0, but at least 1"):
        check_sizes(split_index([2, 2], [1, 1]), 4, None, None, training_needed=True)


def test_one_usable_class_is_an_error_but_none_at_all_is_not() -> None:
    one = Index("d", "s", (item(0, 1), item(0, 2)), ("a", "b"), (None, None))
    with pytest.raises(DatasetError, match="1 class only"):
        check_sizes(one, 1, None, None)
    unlabelled = index_of([item(None, n) for n in range(10)])
    assert check_sizes(unlabelled, 4, None, None) == ResolvedSizes(4, 3, 3)


def test_a_single_image_cannot_be_evaluated() -> None:
    with pytest.raises(DatasetError, match="0 images for evaluation"):
        check_sizes(index_of([item(None, 0)]), 0, None, None)


@given(sizes=CLASS_SIZES, seed=SEEDS, other=SEEDS)
@settings(max_examples=40, deadline=None)
def test_draws_of_another_seed_stay_out_of_the_photos_that_are_measured(
    sizes: list[int], seed: int, other: int
) -> None:
    index = pooled(sizes)
    evaluation = draw_order(index, Role.EVALUATION, seed)
    calibration = draw_order(index, Role.CALIBRATION, other, split_seed=seed)
    assert_disjoint(calibration, evaluation)
    assert set(calibration) == set(draw_order(index, Role.CALIBRATION, seed))
    assert draw_order(index, Role.CALIBRATION, seed, split_seed=seed) == draw_order(
        index, Role.CALIBRATION, seed
    )
