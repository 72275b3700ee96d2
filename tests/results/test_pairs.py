"""Comparing any two variants of a run, on the real answers of the reference run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import InputError
from effq_core.measure.seeds import holm
from effq_core.results import Results
from effq_core.results.pairs import (
    Change,
    by_chance,
    changed_photos,
    class_changes,
    compare_all,
    compare_pair,
    is_real,
)
from tests.results.run_variations import only, unlabelled


def test_a_pair_with_float32_is_what_the_run_itself_found(reference: Results) -> None:
    for name, variant in reference.variants.items():
        if variant.comparison is None:
            continue
        pair = compare_pair(reference, "float32", name)
        found, stored = pair.comparison.to_dict(), variant.comparison.to_dict()
        assert found.pop("agreement") == pytest.approx(stored.pop("agreement"))
        assert found == pytest.approx(stored)
        assert pair.sentence.startswith(f"On 1,966 photos {variant.title} ")


def test_a_pair_turned_round_has_the_flips_turned_round(reference: Results) -> None:
    there = compare_pair(reference, "int8", "int8_float_control").comparison
    back = compare_pair(reference, "int8_float_control", "int8").comparison

    assert (there.worse, there.better) == (back.better, back.worse) == (25, 48)
    assert there.p == back.p == pytest.approx(0.00954, abs=1e-5)
    assert there.difference_points == pytest.approx(-back.difference_points)


def test_every_pair_is_compared_once_with_a_corrected_p(reference: Results) -> None:
    pairs = compare_all(reference)

    assert len(pairs) == 21
    assert len({frozenset((pair.first, pair.second)) for pair in pairs}) == 21
    assert all(pair.adjusted_p >= pair.comparison.p for pair in pairs)
    smallest = min(pairs, key=lambda pair: pair.comparison.p)
    assert smallest.adjusted_p == pytest.approx(21 * smallest.comparison.p)


def test_holms_correction_is_the_textbooks() -> None:
    # Holm 1979: sorted p times the number of tests left, never decreasing.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_correction_keeps_the_order_and_never_makes_p_smaller(values: list[float]) -> None:
    corrected = holm(values)

    assert all(p <= q <= 1 for p, q in zip(values, corrected, strict=True))
    order = np.argsort(values, kind="stable")
    assert list(np.array(corrected)[order]) == sorted(corrected)


def test_changed_photos_are_those_with_different_answers_and_add_up_to_the_flips(
    reference: Results,
) -> None:
    comparison = reference.variants["int8"].comparison
    found = changed_photos(reference, "float32", "int8")

    kinds = [photo.change for photo in found]
    assert kinds.count(Change.WORSE) == comparison.worse == 18
    assert kinds.count(Change.BETTER) == comparison.better == 15
    assert len(found) == comparison.n - comparison.agreement.k
    for photo in found:
        assert photo.first.label != photo.second.label
        assert (photo.first.label == photo.truth) == (photo.change is Change.WORSE)
        assert (photo.second.label == photo.truth) == (photo.change is Change.BETTER)
    predictions = reference.predictions("int8")
    assert all(predictions.keys[photo.row] == photo.key for photo in found)


def test_changed_photos_show_losses_first(reference: Results) -> None:
    kinds = [photo.change for photo in changed_photos(reference, "float32", "int8")]

    assert kinds == sorted(kinds, key=list(Change).index)


def test_class_changes_add_up_to_the_whole(reference: Results) -> None:
    comparison = reference.variants["int8_qat"].comparison
    rows = class_changes(reference, "float32", "int8_qat")

    assert sum(row.n for row in rows) == comparison.n
    assert sum(row.worse for row in rows) == comparison.worse
    assert sum(row.better for row in rows) == comparison.better
    for row in rows:
        assert row.low_points <= row.difference_points <= row.high_points
        difference = 100 * (row.second.share - row.first.share)
        assert row.difference_points == pytest.approx(difference)
    assert [r.difference_points for r in rows] == sorted(r.difference_points for r in rows)


def test_photos_without_labels_change_without_being_right_or_wrong(
    reference: Results, tmp_path: Path
) -> None:
    results = unlabelled(reference, tmp_path)

    found = changed_photos(results, "float32", "int8")
    assert len(found) == 43
    assert {photo.change for photo in found} == {Change.CHANGED}
    assert {photo.truth for photo in found} == {None}
    assert class_changes(results, "float32", "int8") == ()
    pair = compare_pair(results, "float32", "int8")
    assert pair.comparison.p is None and is_real(pair.comparison.p) is None
    assert "without labels" in pair.sentence
    assert {pair.adjusted_p for pair in compare_all(results)} == {None}


def test_a_run_with_float32_only_has_no_pair(reference: Results) -> None:
    assert compare_all(only(reference, "float32")) == ()


def test_a_variant_the_run_lacks_is_named(reference: Results) -> None:
    with pytest.raises(InputError, match="int8_qat"):
        compare_pair(only(reference, "float32", "int8"), "float32", "int8_qat")


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (2, "hardly any class"),
        (10, "about half a class"),
        (20, "about 1 class"),
        (100, "about 5 classes"),
    ],
)
def test_how_many_classes_chance_moves_is_said_in_words(classes: int, text: str) -> None:
    assert by_chance(classes) == text
