from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.learn_calibration import growth_chart, ranges_chart
from effq_core.charts.learn_fake_quant import fake_quant_chart
from effq_core.charts.learn_recovery import recovery_chart
from effq_core.charts.learn_weights import channels_chart, weights_chart
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import get_variant
from effq_core.learn.access import find_tensors
from effq_core.learn.fake_quant import curve, follow
from effq_core.learn.grids import make_grid, quantize_kernel, telling_layer
from effq_core.learn.ranges import measure
from effq_core.learn.recovery import rungs
from effq_core.learn.tensors import Tensors
from effq_core.results import Results, load_reference


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


@pytest.fixture(scope="module")
def tensors(reference: Results) -> Tensors:
    return Tensors.load(find_tensors(reference))


def test_weights_are_all_counted_and_the_grids_levels_are_drawn(tensors: Tensors) -> None:
    layer = tensors.layers[telling_layer(tensors.layers)]
    effect = quantize_kernel(layer, 4, symmetric=True, per_channel=False)
    bars, levels = weights_chart(layer, effect, None).data
    assert sum(bars.y) == layer.values.size
    drawn = np.unique(np.asarray(levels.x, float)[~np.isnan(np.asarray(levels.x, float))])
    assert set(drawn) <= set(effect.levels(0))
    assert "levels" in alt_text(weights_chart(layer, effect, None))


def test_one_channel_is_shown_with_its_own_levels(tensors: Tensors) -> None:
    layer = tensors.layers[telling_layer(tensors.layers)]
    effect = quantize_kernel(layer, 3, symmetric=True, per_channel=True)
    bars, levels = weights_chart(layer, effect, 2).data
    assert sum(bars.y) == layer.values.shape[1]
    drawn = np.asarray(levels.x, float)
    assert len(np.unique(drawn[~np.isnan(drawn)])) <= 7
    assert f"channel {layer.channels[2]}" in alt_text(weights_chart(layer, effect, 2))


def test_a_fine_grid_is_drawn_below_the_bars_only(tensors: Tensors) -> None:
    layer = tensors.layers[0]
    for bits, over_bars in ((3, True), (8, False)):
        effect = quantize_kernel(layer, bits, symmetric=True, per_channel=False)
        levels = weights_chart(layer, effect, None).data[1]
        assert bool(np.nanmax(np.asarray(levels.y, float)) > 0) is over_bars


def test_a_channel_of_equal_weights_can_be_drawn(tensors: Tensors) -> None:
    layer = replace(tensors.layers[0], values=np.zeros_like(tensors.layers[0].values))
    effect = quantize_kernel(layer, 8, symmetric=True, per_channel=True)
    other = quantize_kernel(layer, 8, symmetric=True, per_channel=False)
    assert sum(weights_chart(layer, effect, 0).data[0].y) == layer.values.shape[1]
    assert channels_chart(effect, other, 0).layout.height == 320


def test_both_granularities_stand_side_by_side_and_are_named(tensors: Tensors) -> None:
    layer = tensors.layers[telling_layer(tensors.layers)]
    own, shared = (
        quantize_kernel(layer, 8, symmetric=True, per_channel=each) for each in (True, False)
    )
    figure = channels_chart(own, shared, 1)
    assert figure.layout.yaxis.ticktext == ("<b>per-channel scale</b>", "per-tensor scale")
    text = alt_text(figure)
    assert f"{own.typical:.1f} dB" in text
    assert f"{shared.typical:.1f} dB" in text


def test_every_method_has_its_range_marker_and_line(tensors: Tensors) -> None:
    activation = tensors.activations[0]
    effects = [measure(activation, method, 20) for method in METHODS]
    bars, *ranges = ranges_chart(activation, effects).data
    assert sum(bars.y) == activation.histograms[-1].sum()
    assert {tuple(r.x) for r in ranges} == {(e.low, e.high) for e in effects}
    assert len({r.marker.symbol for r in ranges}) == 3
    courses = {m: [measure(activation, m, n) for n in activation.stops] for m in METHODS}
    figure = growth_chart(courses, 20)
    assert [list(line.x) for line in figure.data] == [list(activation.stops)] * 3
    assert len({(line.line.dash, line.marker.symbol) for line in figure.data}) == 3
    assert "with 500" in alt_text(figure)


def test_the_point_stands_on_the_staircase_and_on_its_gradient() -> None:
    grid = make_grid(-1, 4.1, 3, symmetric=False)
    point = follow(grid, 0.9)
    figure = fake_quant_chart(grid, curve(grid), point)
    _, _, moved, _, gradient = figure.data
    assert (tuple(moved.x), tuple(moved.y)) == ((0.9, 0.9), (0.9, point.output))
    assert (gradient.x[0], gradient.y[0]) == (0.9, 1.0)
    assert "0.900 into" in alt_text(figure)


def test_hollow_marks_are_differences_within_chance(reference: Results) -> None:
    found = rungs(reference)
    figure = recovery_chart(found, 1966)
    for trace, rung in zip(figure.data, found, strict=True):
        assert trace.marker.symbol.endswith("-open") is not rung.is_real
        assert trace.marker.color == get_variant(rung.variant).colour
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(rung.low)
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(rung.high)
    assert "1,966 photos" in alt_text(figure)


def test_without_labels_agreement_is_drawn_and_no_zero_line(reference: Results) -> None:
    found = [replace(r, middle=97.8, low=97.0, high=98.3, is_real=None) for r in rungs(reference)]
    figure = recovery_chart(found, 10)
    assert figure.layout.xaxis.title.text == "same answer as float32 (%)"
    assert not figure.layout.shapes


def test_no_chart_sets_a_background_or_font_colour_of_its_own(
    tensors: Tensors, reference: Results
) -> None:
    layer, activation = tensors.layers[0], tensors.activations[0]
    effect = quantize_kernel(layer, 8, symmetric=True, per_channel=False)
    effects = [measure(activation, method, 20) for method in METHODS]
    grid = make_grid(-1, 1, 3, symmetric=False)
    for figure in (
        weights_chart(layer, effect, None),
        channels_chart(effect, effect, None),
        ranges_chart(activation, effects),
        growth_chart({e.method: [e] for e in effects}, 20),
        fake_quant_chart(grid, curve(grid), follow(grid, 0.2)),
        recovery_chart(rungs(reference), 1966),
    ):
        assert figure.layout.paper_bgcolor is None
        assert figure.layout.plot_bgcolor is None
        assert figure.layout.font.color is None
        assert figure.layout.height
        assert alt_text(figure)
