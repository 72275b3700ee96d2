"""The chart of what each layer's output loses at fewer bits, and trials of fitted bits."""

from __future__ import annotations

from effq_core.base.intervals import proportion
from effq_core.charts.base import alt_text
from effq_core.charts.trials import standing, trials_chart
from effq_core.charts.width_errors import width_errors_chart
from effq_core.layers.trial_record import Suggestion
from effq_core.layers.width_record import LayerWidths, Width, WidthRecord
from tests.layers.suggest_inputs import record


def _layer(name: str, *bits: int) -> LayerWidths:
    widths = tuple(
        Width(bits=b, size_bytes=100 * b, errors={"nearest": 1 / b**2, "gptq": 0.5 / b**2})
        for b in bits
    )
    return LayerWidths(name=name, block="block1a", tensor=f"{name}/Conv2D", widths=widths)


def test_each_width_and_rule_is_a_series_with_the_layers_it_can_have() -> None:
    known = WidthRecord(
        images=100,
        rule="gptq",
        baseline_kl=0.01,
        baseline_agreement=proportion(99, 100),
        layers=(_layer("first", 8, 4, 2), _layer("second", 8, 4)),
        complete=True,
        seconds=1.0,
    )
    figure = width_errors_chart(known)
    points = {trace.name: list(trace.y) for trace in figure.data}
    assert points["2 bits, GPTQ"] == [12.5] and points["4 bits, Nearest"] == [6.25, 6.25]
    assert len(points) == 6 and figure.layout.yaxis.type == "log"
    assert "2 layers" in alt_text(figure) and "4 bits, gptq: median" in alt_text(figure)


def test_a_fitted_file_is_drawn_left_of_int8_by_its_layers_bits() -> None:
    int8 = record((), size_bytes=7000, extra_size=0.0, top1=None, ok=False, why="it takes more")
    fitted = record(
        (), widths={"a": 4, "b": 2, "c": 4}, size_bytes=3500, extra_size=-50.0, top1=None
    )
    found = Suggestion(
        trials=(int8, fitted), chosen=1, met=True, labelled=False, float32_top1=None,
        float32_bytes=20_000, max_drop_points=None, max_extra_size=-49.0, max_latency_ratio=None,
        complete=True, seconds=1.0, sentence="", variant="fitted", photos="calibration",
    )  # fmt: skip
    figure = trials_chart(found)
    assert [trace.marker.symbol for trace in figure.data] == ["triangle-up", "star"]
    assert "2 × 4 bits, 1 × 2 bits" in figure.data[1].hovertemplate
    assert "Taken: 2 × 4 bits, 1 × 2 bits" in alt_text(figure)
    assert standing(found, 1).word == "chosen"
    low, high = figure.layout.xaxis.range
    assert low < 3500 / 1024 < 7000 / 1024 < high
