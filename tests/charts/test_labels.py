from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from effq_core.charts.base import shortened, ticks, wrapped


@given(st.floats(-50, 50), st.floats(0.5, 100))
def test_ticks_are_round_few_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)

    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 <= value <= low + width + 1e-6 for value in found)


def test_labels_are_escaped_and_cut() -> None:
    assert wrapped("int8 QAT untrained", 14) == "int8 QAT<br>untrained"
    assert wrapped("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert shortened("a < b") == "a &lt; b"
    assert shortened("Mustela putorius furo", 10) == "Mustela p…"
