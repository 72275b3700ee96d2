from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.charts.labels import shortened, spread, ticks, wrapped


def test_values_apart_stay_and_values_that_touch_share_their_middle() -> None:
    assert spread([0.0, 10.0, 10.0, 30.0], 2.0) == [0.0, 9.0, 11.0, 30.0]
    assert spread([], 1.0) == []


@given(st.lists(st.floats(-100, 100), max_size=10), st.floats(0.1, 20))
def test_spread_values_keep_their_order_their_mean_and_their_distance(values, gap) -> None:
    moved = spread(values, gap)

    order = sorted(range(len(values)), key=lambda place: values[place])
    steps = [moved[b] - moved[a] for a, b in pairwise(order)]
    assert all(step >= gap - 1e-6 for step in steps)
    if values:
        assert sum(moved) / len(moved) == pytest.approx(sum(values) / len(values), abs=1e-6)


@given(st.floats(-50, 50), st.floats(0.5, 100))
def test_ticks_are_round_few_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)

    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 <= value <= low + width + 1e-6 for value in found)


def test_labels_are_escaped_and_cut() -> None:
    assert wrapped("Int8 (QAT ranges, untrained)", 14) == "Int8 (QAT<br>ranges,<br>untrained)"
    assert wrapped("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert shortened("a < b") == "a &lt; b"
    assert shortened("Mustela putorius furo", 10) == "Mustela p…"
