"""The trade-off chart shows the run's numbers, its intervals and its front."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.charts.base import alt_text, marker
from effq_core.charts.tradeoff import Against, Spot, pareto, spots, tradeoff
from effq_core.experiment.variants import CATALOGUE, controls
from effq_core.results import Results
from effq_core.results.paper import PAPER
from tests.results.run_variations import changed, only, together, unlabelled


def spot(name: str, x: float, y: float, *, eligible: bool = True) -> Spot:
    return Spot(name=name, x=x, x_low=x, x_high=x, y=y, y_low=y, y_high=y, eligible=eligible)


def test_every_variant_and_every_added_file_has_a_marker() -> None:
    symbols = [marker(name)["symbol"] for name in CATALOGUE]
    assert len({*symbols, marker("file_theirs")["symbol"]}) == len(symbols) + 1


def markers(figure) -> dict[str, object]:
    return {trace.customdata[0]: trace for trace in figure.data if trace.customdata is not None}


def test_the_front_of_the_reference_run_is_what_nothing_beats(reference: Results) -> None:
    front = [place.name for place in pareto(spots(reference, Against.SIZE))]

    assert front == ["dynamic_range", "int8_qat"], "smaller, and more accurate"
    assert [p.name for p in pareto(spots(reference, Against.LATENCY, threads=2))] == [
        "int8",
        "int8_qat",
    ]


def test_controls_and_variants_with_failed_checks_neither_are_on_the_front_nor_beat_it() -> None:
    places = [spot("a", 1, 1, eligible=False), spot("b", 2, 0.5)]

    assert [place.name for place in pareto(places)] == ["b"]


def test_a_disturbed_time_neither_is_on_the_front_of_times_nor_beats_it(reference: Results) -> None:
    busy = together(reference, {"int8": 0.5})
    eligible = {spot.name for spot in spots(busy, Against.LATENCY, threads=2) if spot.eligible}
    assert "int8" not in eligible and "int8_qat" in eligible
    assert "int8" in {spot.name for spot in spots(busy, Against.SIZE) if spot.eligible}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9))
def test_the_front_rises_and_dominates_everything_else(values) -> None:
    places = [spot(str(i), x, y) for i, (x, y) in enumerate(values)]
    front = pareto(places)

    for a, b in pairwise(front):
        assert (a.x < b.x and a.y < b.y) or (a.x, a.y) == (b.x, b.y)
    for place in places:
        assert place in front or any(
            other.x <= place.x and other.y >= place.y and (other.x, other.y) != (place.x, place.y)
            for other in front
        )


def test_every_variant_has_its_colour_its_symbol_its_label_and_its_interval(
    reference: Results,
) -> None:
    figure = tradeoff(reference, Against.LATENCY, threads=2, paper=False)
    drawn = markers(figure)

    assert set(drawn) == set(reference.variants)
    assert len({trace.marker.symbol for trace in drawn.values()}) == len(drawn)
    for name, trace in drawn.items():
        top1 = reference.variants[name].accuracy.top1
        timing = reference.variants[name].timing(2)
        assert trace.marker.color == CATALOGUE[name].colour
        assert trace.y[0] == pytest.approx(100 * top1.share)
        assert trace.error_y.array[0] == pytest.approx(100 * (top1.high - top1.share))
        assert trace.error_y.arrayminus[0] == pytest.approx(100 * (top1.share - top1.low))
        assert trace.error_x.array[0] == pytest.approx(timing.median_high_ms - timing.median_ms)
        assert "n = 1,966" in trace.hovertemplate
    labels = [note.text.strip() for note in figure.layout.annotations]
    assert sorted(labels) == sorted(v.title for v in reference.variants.values())


def test_labels_have_a_row_each_above_all_intervals(reference: Results) -> None:
    figure = tradeoff(reference, Against.SIZE)
    rows = sorted(note.y for note in figure.layout.annotations)
    highest = max(100 * v.accuracy.top1.high for v in reference.variants.values())

    assert rows[0] > highest and rows[-1] < figure.layout.yaxis.range[1]
    assert min(b - a for a, b in pairwise(rows)) > 0
    assert max(figure.layout.yaxis.tickvals) <= 100


def test_lines_to_labels_cannot_be_read_as_intervals(reference: Results) -> None:
    figure = tradeoff(reference, Against.SIZE)
    highs = sorted(100 * v.accuracy.top1.high for v in reference.variants.values())

    assert len(figure.layout.shapes) == len(highs)
    for line, high in zip(sorted(figure.layout.shapes, key=lambda s: s.y0), highs, strict=True):
        assert high < line.y0 < line.y1 and line.x0 == line.x1
        assert line.line.dash == "dot" and line.line.color.startswith("rgba(128, 128, 128")


def test_axes_say_their_units(reference: Results) -> None:
    size, latency = (tradeoff(reference, against) for against in Against)

    assert size.layout.xaxis.title.text == "Size of the file, KiB"
    assert latency.layout.xaxis.title.text == "Median latency with 1 thread, ms"
    assert size.layout.yaxis.title.text == "Top-1 accuracy, %"


def test_the_papers_values_are_hollow_and_have_the_interval_of_500_photos(
    reference: Results,
) -> None:
    figure = tradeoff(reference, Against.SIZE)
    hollow = [t for t in figure.data if "the paper</b>" in (t.hovertemplate or "")]

    assert [trace.x[0] for trace in hollow] == [row.size_kib for row in PAPER.values()]
    assert all(trace.marker.symbol.endswith("-open") for trace in hollow)
    assert all(trace.error_y.array[0] > 2 for trace in hollow), "±3 points at n = 500"
    assert not [
        t
        for t in tradeoff(reference, Against.SIZE, paper=False).data
        if "the paper" in (t.hovertemplate or "")
    ]


def test_the_papers_times_are_left_out_at_another_input_size(reference: Results) -> None:
    small = changed(reference, lambda plain: plain["model"].update(image_size=160))

    def papers(against: Against) -> int:
        figure = tradeoff(small, against)
        return sum("the paper</b>" in (trace.hovertemplate or "") for trace in figure.data)

    assert (papers(Against.SIZE), papers(Against.LATENCY)) == (5, 0)


def test_controls_can_be_left_out(reference: Results) -> None:
    assert not set(markers(tradeoff(reference, Against.SIZE, controls=False))) & set(controls())


def test_photos_without_labels_show_agreement(reference: Results, tmp_path: Path) -> None:
    figure = tradeoff(unlabelled(reference, tmp_path), Against.SIZE)

    assert figure.layout.yaxis.title.text == "Same answer as float32, %"
    drawn = markers(figure)
    assert drawn["float32"].y[0] == 100
    agreement = reference.variants["int8"].comparison.agreement
    assert drawn["int8"].y[0] == pytest.approx(100 * agreement.share)
    assert "float32's answer 97.8 %" in drawn["int8"].hovertemplate


def test_a_run_with_float32_only_has_a_chart_too(reference: Results) -> None:
    figure = tradeoff(only(reference, "float32"), Against.LATENCY, threads=1)

    assert set(markers(figure)) == {"float32"}
    assert alt_text(figure).endswith("On the Pareto front: float32.")


def test_a_thread_count_nobody_timed_is_said(reference: Results) -> None:
    figure = tradeoff(reference, Against.LATENCY, threads=7)

    assert "No variant was timed" in alt_text(figure) and not figure.data


def test_the_alternative_text_has_every_number(reference: Results) -> None:
    text = alt_text(tradeoff(reference, Against.SIZE))

    assert "int8 6,948 KiB and 87.5 %" in text
    assert text.endswith("On the Pareto front: dynamic range, int8 QAT.")


def test_no_chart_sets_a_background_or_a_font_colour(reference: Results) -> None:
    layout = tradeoff(reference, Against.SIZE).to_dict()["layout"]

    assert "paper_bgcolor" not in layout and "plot_bgcolor" not in layout
    assert "color" not in layout.get("font", {})
    assert all("color" not in note.get("font", {}) for note in layout["annotations"])
