"""Charts of rounding draw every weight kept, and every width."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.learn_rounding import errors_chart, integers_chart
from effq_core.learn.access import find_rounding
from effq_core.learn.rounding import BITS, RoundingRecord
from effq_core.results import load_reference


@pytest.fixture(scope="module")
def record() -> RoundingRecord:
    folder = find_rounding(load_reference())
    assert folder is not None
    return RoundingRecord.load(folder)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("rule", ["nearest", "gptq"])
def test_every_weight_is_drawn_where_it_stays_or_where_it_moves(
    record: RoundingRecord, bits: int, rule: str
) -> None:
    layer = record.layers[3]
    figure = integers_chart(layer, bits, rule)
    _, stays, moves = figure.data
    assert len(stays.x) + len(moves.x) == len(layer.weights)
    assert np.abs(np.round(stays.x) - stays.y)[np.abs(stays.x) < 2 ** (bits - 1) - 1].max() == 0
    if rule == "nearest":
        assert not len(moves.x)
    assert f"{bits} bits" in alt_text(figure) and layer.name in alt_text(figure)


def test_each_width_has_a_bar_for_each_rule(record: RoundingRecord) -> None:
    layer = record.layers[-1]
    figure = errors_chart(layer, "gptq")
    assert [bar.name for bar in figure.data] == ["Nearest", "GPTQ"]
    for bar, rule in zip(figure.data, ("nearest", "gptq"), strict=True):
        np.testing.assert_allclose(bar.y, [100 * layer.by(bits, rule).error for bits in BITS])
    assert len(errors_chart(layer, "nearest").data) == 1
