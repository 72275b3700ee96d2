"""The charts of the Layers page, on the records of a real run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.depth import depth_chart
from effq_core.charts.feature_maps import maps_chart, telling_channels, values_chart
from effq_core.charts.layer_histograms import activation_chart, channels_chart, kernel_chart
from effq_core.charts.network import MOST_IN_A_ROW, RESIDUALS, network_chart, rows, short_name
from effq_core.charts.trials import standing, trials_chart
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import get_variant
from effq_core.layers.access import find_evidence
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.measures import Criterion, measure
from effq_core.layers.signal_record import SignalRecord
from effq_core.layers.trial_record import Suggestion, TrialRecord
from effq_core.tflite.network import Block, BlockKind, Network, read_network


@pytest.fixture(scope="module")
def network(layered_run: Any) -> Network:
    return read_network(layered_run.results.model_file("float32"))


@pytest.fixture(scope="module")
def signal(layered_run: Any) -> SignalRecord:
    found = find_evidence(layered_run.results)
    assert found is not None
    return SignalRecord.load(found.signal)


@pytest.fixture(scope="module")
def effect(layered_run: Any) -> EffectRecord:
    found = find_evidence(layered_run.results)
    assert found is not None
    return EffectRecord.load(found.effect)


@pytest.fixture(scope="module")
def trials(tiny_run: Any) -> Suggestion:
    """Files of a run as if they had been tried: their sizes, answers and times are measured."""
    results = tiny_run.results
    int8 = results.variants["int8"]

    def trial(name: str, keep: tuple[str, ...], why: str) -> TrialRecord:
        found = results.variants[name]
        size = found.file.size_bytes
        return TrialRecord(
            keep=keep,
            precision=Precision.FLOAT16,
            size_bytes=size,
            extra_size=100 * (size / int8.file.size_bytes - 1),
            n=found.accuracy.n,
            top1=found.accuracy.top1,
            drop_points=-found.comparison.difference_points,
            agreement=found.comparison.agreement,
            kl=found.comparison.kl,
            latency_ms=found.timing(1).median_ms,
            int8_ms=int8.timing(1).median_ms,
            float32_ms=results.baseline.timing(1).median_ms,
            busy=False,
            ok=not why,
            why=why,
        )

    return Suggestion(
        trials=(
            trial("int8", (), "too little"),
            trial("float16", ("stem", "block1a"), "too large"),
            trial("int8_qat", ("stem",), ""),
        ),
        chosen=2,
        met=True,
        labelled=True,
        float32_top1=results.baseline.accuracy.top1,
        float32_bytes=results.baseline.file.size_bytes,
        max_drop_points=0.2,
        max_extra_size=15.0,
        max_latency_ratio=None,
        complete=True,
        seconds=1.0,
        sentence="",
    )


def names_in(figure: Any) -> list[str]:
    return [str(name) for trace in figure.data for name in (trace.customdata or ())]


# The network


def test_stem_stages_and_head_are_lines_of_their_own(network: Network) -> None:
    titles = [line.title for line in rows(network)]
    assert titles == ["Stem", *(f"Stage {n}" for n in range(1, 7)), "Head"]
    assert sum(len(line.blocks) for line in rows(network)) == len(network.blocks)
    assert [short_name(block) for block in rows(network)[4].blocks] == ["4a", "4b", "4c"]


def test_a_long_stage_wraps_so_that_blocks_can_be_touched(network: Network) -> None:
    block = network.by_name["block6b"]
    many = Network(tuple(replace(block, name=f"block6{letter}") for letter in "abcdefghijkl"))
    assert [len(line.blocks) for line in rows(many)] == [MOST_IN_A_ROW, 12 - MOST_IN_A_ROW]
    assert [line.title for line in rows(many)] == ["Stage 6", ""]


def test_every_block_carries_its_name_and_kinds_differ_in_shape(
    network: Network, signal: SignalRecord
) -> None:
    shown = measure(Criterion.SQNR, signal, None)
    figure = network_chart(network, shown, chosen="block4a")
    assert sorted(names_in(figure)) == sorted(network.by_name)
    symbol = {
        network.by_name[str(trace.customdata[0])].kind: trace.marker.symbol
        for trace in figure.data
        if trace.customdata
    }
    assert len({symbol[kind] for kind in (BlockKind.MBCONV, BlockKind.FUSED_MBCONV)}) == 2
    (arcs,) = (trace for trace in figure.data if trace.name == RESIDUALS)
    assert list(arcs.x).count(None) == sum(block.has_residual for block in network.blocks)
    inside = {
        str(name): text
        for trace in figure.data
        if trace.customdata
        for name, text in zip(trace.customdata, trace.text, strict=True)
    }
    assert "SE" in inside["block4a"]
    assert "SE" not in inside["block1a"]
    assert "worst first: " + shown.worst[0] in alt_text(figure)
    assert shown.title in alt_text(figure)


def test_the_worst_block_is_the_darkest(network: Network, effect: EffectRecord) -> None:
    shown = measure(Criterion.ONLY, None, effect)
    figure = network_chart(network, shown)
    colour = {
        str(name): each
        for trace in figure.data
        if trace.customdata
        for name, each in zip(trace.customdata, trace.marker.color, strict=True)
    }

    def brightness(name: str) -> int:
        return sum(int(colour[name][at : at + 2], 16) for at in (1, 3, 5))

    assert min((name for name in shown.values), key=brightness) == shown.worst[0]
    unknown = set(network.by_name) - set(shown.values)
    assert all(colour[name].startswith("rgba") for name in unknown)


def test_a_block_of_another_kind_of_model_is_named_safely(network: Network) -> None:
    block = Block("<b>conv</b>", BlockKind.OTHER, network.by_name["stem"].ops)
    shown = measure(Criterion.ONLY, None, None)
    figure = network_chart(Network((block,)), shown)
    trace = next(each for each in figure.data if each.customdata)
    assert "<b>conv" not in trace.hovertext[0]
    assert rows(Network((block,)))[0].title == "Layers"


# Histograms


def test_the_grid_has_256_levels_and_reaches_from_end_to_end(signal: SignalRecord) -> None:
    each = signal.by_tensor[signal.kernels[3].tensor]
    figure = activation_chart(each)
    levels = np.unique(np.asarray(figure.data[1].x, float)[::3])
    assert len(levels) == 256
    assert levels[0] == pytest.approx(each.int8_low)
    assert levels[-1] == pytest.approx(each.int8_high)
    assert int(np.sum(figure.data[0].y)) == int(each.histogram.sum())
    assert "256 levels" in alt_text(figure)


def test_a_tensor_kept_in_floats_has_no_grid(signal: SignalRecord) -> None:
    each = replace(
        signal.tensors[3], scale=None, zero_point=None, int8_low=-np.inf, int8_high=np.inf
    )
    figure = activation_chart(each)
    assert len(figure.data) == 1
    assert "stays in floats" in alt_text(figure)
    kernel = replace(signal.kernels[0], scales=np.zeros(0, np.float32))
    assert len(kernel_chart(kernel).data) == 1


def test_the_widest_channel_has_the_coarsest_grid(signal: SignalRecord) -> None:
    kernel = max(signal.kernels, key=lambda each: len(each.scales))
    figure = kernel_chart(kernel)
    widest, median = (np.asarray(trace.x, float) for trace in figure.data[1:])
    assert np.nanmax(widest) == pytest.approx(127 * float(kernel.scales.max()), rel=1e-5)
    assert np.nanmax(widest) >= np.nanmax(median)


def test_channels_come_widest_first(signal: SignalRecord) -> None:
    kernel = signal.kernels[1]
    figure = channels_chart(kernel)
    bar = figure.data[0]
    peaks = np.maximum(np.abs(bar.base), np.abs(np.asarray(bar.base) + np.asarray(bar.y)))
    assert (np.diff(peaks) <= 1e-6).all()
    assert len(peaks) == len(kernel.low)


# Depth


def test_the_first_operator_under_the_threshold_is_marked_and_named(
    network: Network, signal: SignalRecord
) -> None:
    finite = [each.lower_db for each in signal.tensors if np.isfinite(each.lower_db)]
    threshold = float(np.median(finite))
    first = next(each for each in signal.tensors if each.lower_db < threshold)
    figure = depth_chart(network, signal.tensors, threshold)
    assert f"at {first.layer}" in alt_text(figure)
    cross = next(trace for trace in figure.data if trace.mode == "markers")
    assert list(cross.x) == [signal.tensors.index(first)]
    assert list(figure.layout.xaxis.ticktext) == ["stem", *"123456", "head"]


def test_where_no_operator_falls_under_it_that_is_said(
    network: Network, signal: SignalRecord
) -> None:
    figure = depth_chart(network, signal.tensors, 0.0, usual=[20.0] * len(signal.tensors))
    assert all(trace.mode != "markers" for trace in figure.data)
    assert "It stays above 0.0 dB" in alt_text(figure)


# Trials


def test_every_trial_has_its_number_its_interval_and_its_own_mark(trials: Suggestion) -> None:
    figure = trials_chart(trials)
    assert [trace.text[0] for trace in figure.data] == ["0", "1", "2"]
    assert [trace.marker.symbol for trace in figure.data] == ["triangle-up", "x", "star"]
    for trace, trial in zip(figure.data, trials.trials, strict=True):
        assert trial.top1 is not None
        middle, up = trace.y[0], trace.error_y.array[0]
        assert middle + up == pytest.approx(100 * trial.top1.high)
    assert "stem in floats" in alt_text(figure)
    assert [standing(trials, place).word for place in range(3)] == ["int8", "refused", "chosen"]


def test_a_set_that_breaks_a_limit_is_called_the_nearest_one(trials: Suggestion) -> None:
    assert standing(replace(trials, met=False), 2).word == "nearest"


def test_without_labels_agreement_is_drawn(trials: Suggestion) -> None:
    unlabelled = replace(
        trials,
        labelled=False,
        float32_top1=None,
        trials=tuple(replace(trial, top1=None) for trial in trials.trials),
    )
    figure = trials_chart(unlabelled)
    assert figure.layout.yaxis.title.text == "float32's answer, %"
    first = unlabelled.trials[0]
    assert figure.data[0].y[0] == pytest.approx(100 * first.agreement.share)


def test_trials_use_the_catalogues_colours(trials: Suggestion) -> None:
    figure = trials_chart(trials)
    assert figure.data[0].marker.color == get_variant("int8").colour
    assert figure.data[2].marker.color == get_variant("int8_mixed").colour


# Feature maps


def test_the_channels_int8_spoils_most_come_first() -> None:
    values = np.random.default_rng(5).normal(size=(4, 4, 6)).astype(np.float32)
    rounded = values.copy()
    rounded[..., 3] += 1.0
    rounded[..., 5] += 0.3
    assert telling_channels(values, rounded, 2) == [3, 5]
    faint = values.copy()
    faint[..., 3] *= 1e-3  # next to nothing: its error counts for nothing
    assert telling_channels(faint, rounded, 1) != [3]


def test_maps_are_drawn_three_a_channel() -> None:
    values = np.random.default_rng(6).normal(size=(5, 5, 3)).astype(np.float32)
    figure = maps_chart("conv", values, values, [2, 0])
    assert len(figure.layout.images) == 6
    assert list(figure.layout.yaxis.ticktext) == ["channel 2", "channel 0"]
    assert all(image.source.startswith("data:image/png") for image in figure.layout.images)


def test_values_that_are_no_map_are_set_against_each_other() -> None:
    first = np.array([0.0, 1.0, 2.0], np.float32)
    figure = values_chart("dense", first, first + 0.5)
    assert "largest difference is 0.5" in alt_text(figure)
