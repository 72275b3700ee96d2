from __future__ import annotations

from effq_core.charts.bars import sizes
from effq_core.charts.base import alt_text
from effq_core.results import Results
from effq_core.results.paper import PAPER
from tests.results.run_variations import only


def test_bars_are_the_sizes_with_how_many_times_smaller_they_are(reference: Results) -> None:
    figure = sizes(reference)
    bars = figure.data[0]

    assert list(bars.x) == [v.file.size_kib for v in reference.variants.values()]
    assert bars.y[3] == "int8<br><b>6,948 KiB · 3.30×</b>"
    assert bars.y[0] == "float32<br><b>22,895 KiB</b>"
    assert len(set(bars.y)) == 7, "two bars on one row would be added up"


def test_the_papers_sizes_stand_on_the_rows_of_their_variants(reference: Results) -> None:
    bars, paper = sizes(reference).data

    assert list(paper.x) == [row.size_kib for row in PAPER.values()]
    assert list(paper.y) == list(bars.y[:5])
    assert len(sizes(reference, paper=False).data) == 1


def test_the_height_follows_the_bars(reference: Results) -> None:
    one, seven = sizes(only(reference, "float32")), sizes(reference)

    assert seven.layout.height - one.layout.height == 6 * 50
    assert "3.30× smaller" in alt_text(seven) and "smaller" not in alt_text(one)
