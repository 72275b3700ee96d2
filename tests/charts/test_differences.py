from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.differences import against_float32
from effq_core.results import Results
from tests.results.run_variations import only, unlabelled


def test_differences_have_their_paired_interval_and_are_filled_where_real(
    reference: Results,
) -> None:
    figure = against_float32(reference)
    drawn = dict(zip(list(reference.variants)[1:], figure.data, strict=True))

    for name, trace in drawn.items():
        comparison = reference.variants[name].comparison
        assert trace.x[0] == comparison.difference_points
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(comparison.high_points)
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(comparison.low_points)
        assert trace.marker.symbol.endswith("-open") == (comparison.p >= 0.05)
    assert not drawn["int8_float_control"].marker.symbol.endswith("-open")
    assert "int8 −0.2 points (p = 0.73)" in alt_text(figure)


def test_without_labels_or_without_another_variant_there_is_no_chart(
    reference: Results, tmp_path: Path
) -> None:
    assert against_float32(unlabelled(reference, tmp_path)) is None
    assert against_float32(only(reference, "float32")) is None
