from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import ExperimentError
from effq_core.experiment.variants import (
    BASELINE,
    CATALOGUE,
    MIXED,
    Ranges,
    controls,
    get_variant,
    in_catalogue_order,
    standard,
)


def test_the_catalogue_has_the_papers_five_forms_and_two_controls_in_order() -> None:
    five, two = ("float32", "float16", "dynamic_range", "int8", "int8_qat"), controls()
    assert tuple(name for name in standard() if name in five) == five
    assert {"int8_qat_untrained", "int8_float_control"} <= {*two}
    are_controls = [row.is_control for row in CATALOGUE.values()]
    assert are_controls == sorted(are_controls) and not {*two} & {*standard()}
    assert standard()[0] == BASELINE and MIXED in CATALOGUE and MIXED not in standard()


@pytest.mark.parametrize(
    ("name", "weights", "activations", "ranges", "trained"),
    [
        ("float32", 32, 32, Ranges.NONE, False),
        ("float16", 16, 32, Ranges.NONE, False),
        ("dynamic_range", 8, 32, Ranges.NONE, False),
        ("int8", 8, 8, Ranges.METHOD, False),
        ("int8_qat", 8, 8, Ranges.FAKE_QUANT, True),
        ("int8_mixed", 8, 8, Ranges.METHOD, False),
        ("int8_qat_untrained", 8, 8, Ranges.FAKE_QUANT, False),
        ("int8_float_control", 8, 8, Ranges.METHOD, True),
    ],
)
def test_each_row_says_what_the_variant_is(
    name: str, weights: int, activations: int, ranges: Ranges, trained: bool
) -> None:
    row = get_variant(name)
    assert (row.weight_bits, row.activation_bits) == (weights, activations)
    assert (row.ranges, row.trained, row.is_control) == (ranges, trained, name in controls())


def test_exactly_the_variants_with_8_bit_activations_need_calibration() -> None:
    for row in CATALOGUE.values():
        assert row.needs_calibration is (row.activation_bits == 8)
        assert row.needs_calibration or not row.is_integer
    assert not CATALOGUE[MIXED].is_integer, "only part of a mixed file is"


def test_rows_can_be_told_apart_by_name_title_and_colour() -> None:
    rows = list(CATALOGUE.values())
    assert all(re.fullmatch(r"#[0-9a-f]{6}", row.colour) for row in rows)
    assert all(re.fullmatch(r"[a-z0-9_]+", row.name) for row in rows)
    for what in ("name", "title", "colour", "summary", "good_for"):
        assert len({getattr(row, what) for row in rows}) == len(rows)


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        get_variant("int8").weight_bits = 4  # type: ignore[misc]


@given(st.lists(st.sampled_from(list(CATALOGUE)), max_size=12))
def test_names_come_back_once_and_in_the_catalogues_order(names: list[str]) -> None:
    ordered = in_catalogue_order(names)
    assert set(ordered) == set(names)
    assert list(ordered) == [name for name in CATALOGUE if name in names]


@pytest.mark.parametrize("name", ["int1", "", "Float32", "float32 "])
def test_an_unknown_name_is_refused_with_the_names_there_are(name: str) -> None:
    for look_up in (get_variant, lambda one: in_catalogue_order(["float32", one])):
        with pytest.raises(ExperimentError) as caught:
            look_up(name)
        assert repr(name) in caught.value.message
        assert caught.value.hint == f"Choose from: {', '.join(CATALOGUE)}."
