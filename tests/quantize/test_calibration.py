from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from quantized_models import Quantized, Recorder

from effq_core.base.errors import Cancelled
from effq_core.experiment.calibration_methods import METHODS
from effq_core.quantize.calibration import (
    HISTOGRAM_BINS,
    HISTOGRAM_SAMPLES,
    ActivationStatistics,
    _Histogram,
    collect_statistics,
)

import tensorflow as tf
import tf_keras as keras

floats = st.floats(-1e6, 1e6, width=32)
batches = st.lists(hnp.arrays(np.float32, st.integers(1, 40), elements=floats), min_size=1)
MIN_MAX, MOVING_AVERAGE, PERCENTILE = "min_max", "moving_average", "percentile"


def statistics_of(images: list[np.ndarray]) -> ActivationStatistics:
    """Returns the statistics of one activation ``x`` beside the input."""
    histogram = _Histogram()
    for values in images:
        histogram.add(values)
    extremes = np.array([[values.min(), values.max()] for values in images], np.float32)
    return ActivationStatistics(
        names=("image", "x"),
        minima=np.stack([np.full(len(images), 3, np.float32), extremes[:, 0]], axis=1),
        maxima=np.stack([np.full(len(images), 200, np.float32), extremes[:, 1]], axis=1),
        histograms=np.stack([np.ones(HISTOGRAM_BINS, np.int64), histogram.counts]),
        limits=np.array([256.0, histogram.limit]),
        input_name="image",
    )


@given(batches)
def test_a_histogram_loses_no_value_however_far_it_grows(images: list[np.ndarray]) -> None:
    histogram = _Histogram()
    for values in images:
        histogram.add(values)
    assert histogram.counts.sum() == sum(values.size for values in images)
    assert histogram.counts.min() >= 0
    assert len(histogram.counts) == HISTOGRAM_BINS
    largest = max(float(np.abs(values).max()) for values in images)
    assert math.frexp(histogram.limit)[0] == 0.5  # a power of two, and
    assert histogram.limit > largest  # none that is too small,
    assert histogram.limit == 2.0**-10 or histogram.limit <= 2 * largest  # nor too large


@example([[1], [2]], 0)  # the first value is the limit of the first histogram
@given(st.lists(st.lists(st.integers(-4096, 4096), min_size=1), min_size=1), st.integers(-8, 4))
def test_growing_a_histogram_merges_bins_exactly(rows: list[list[int]], exponent: int) -> None:
    # Multiples of a power of two: no rounding, so every bin must be right.
    images = [np.array(row, np.float32) * 2.0**exponent for row in rows]
    histogram = _Histogram()
    for values in images:
        histogram.add(values)
    expected, _ = np.histogram(
        np.concatenate(images), HISTOGRAM_BINS, (-histogram.limit, histogram.limit)
    )
    assert np.array_equal(histogram.counts, expected)


@given(batches)
def test_min_max_is_the_smallest_and_largest_value_of_all(images: list[np.ndarray]) -> None:
    values = np.concatenate(images)
    low, high = statistics_of(images).ranges(MIN_MAX, 0)["x"]
    assert (low, high) == (min(values.min(), 0), max(values.max(), 0))


@given(batches)
def test_moving_average_is_the_mean_of_each_images_extremes(images: list[np.ndarray]) -> None:
    low, high = statistics_of(images).ranges(MOVING_AVERAGE, 0)["x"]
    lows, highs = ([float(f(v)) for v in images] for f in (np.min, np.max))
    scale = max(map(abs, (*lows, *highs)))
    assert low == pytest.approx(min(np.mean(lows), 0), rel=1e-5, abs=1e-6 * scale)
    assert high == pytest.approx(max(np.mean(highs), 0), rel=1e-5, abs=1e-6 * scale)


@given(batches, st.randoms(use_true_random=False))
def test_the_order_of_images_plays_no_part(images: list[np.ndarray], random: object) -> None:
    shuffled = images.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    scale = max(float(np.abs(values).max()) for values in images)
    for method in METHODS:
        a, b = (statistics_of(order).ranges(method, 99.0)["x"] for order in (images, shuffled))
        assert a == pytest.approx(b, rel=1e-5, abs=1e-6 * scale)


@given(batches, st.lists(st.floats(90, 100), min_size=2))
def test_a_larger_percentile_gives_a_range_that_holds_the_smaller_ones(
    images: list[np.ndarray], percentiles: list[float]
) -> None:
    statistics = statistics_of(images)
    ranges = [statistics.ranges(PERCENTILE, p)["x"] for p in sorted(percentiles)]
    for (low, high), (wider_low, wider_high) in pairwise(ranges):
        assert wider_low <= low <= 0 <= high <= wider_high
    low, high = statistics.ranges(MIN_MAX, 0)["x"]
    for clipped_low, clipped_high in ranges:
        assert low <= clipped_low
        assert clipped_high <= high


@given(batches, st.floats(90, 100))
def test_a_percentile_range_holds_its_share_of_the_values(
    images: list[np.ndarray], percentile: float
) -> None:
    values = np.concatenate(images)
    statistics = statistics_of(images)
    low, high = statistics.ranges(PERCENTILE, percentile)["x"]
    slack = 2 * statistics.limits[1] * 2.0**-23  # float32 rounding at the edge of a bin
    inside = ((values >= low - slack) & (values <= high + slack)).mean()
    assert inside >= percentile / 100 - 1e-9


def test_a_percentile_agrees_with_numpys_to_the_width_of_a_bin() -> None:
    values = np.random.default_rng(0).normal(1, 2, 100_000).astype(np.float32)
    statistics = statistics_of([values])
    width = 2 * statistics.limits[1] / HISTOGRAM_BINS
    for percentile in (90.0, 99.0, 99.9):
        tail = (100 - percentile) / 2
        low, high = statistics.ranges(PERCENTILE, percentile)["x"]
        assert low == pytest.approx(np.percentile(values, tail), abs=1.1 * width)
        assert high == pytest.approx(np.percentile(values, 100 - tail), abs=1.1 * width)


def test_one_outlier_in_a_thousand_images_moves_min_max_alone() -> None:
    rng = np.random.default_rng(0)
    images = [rng.uniform(-1, 1, 1000).astype(np.float32) for _ in range(1000)]
    images[500][0] = 100
    statistics = statistics_of(images)
    assert statistics.ranges(MIN_MAX, 0)["x"][1] == 100
    assert statistics.ranges(MOVING_AVERAGE, 0)["x"][1] == pytest.approx(1.1, abs=0.01)
    assert statistics.ranges(PERCENTILE, 99.99)["x"][1] < 1.1


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize(("values", "sign"), [([2, 5], "low"), ([-5, -2], "high")])
def test_every_range_includes_zero(method: str, values: list, sign: str) -> None:
    low, high = statistics_of([np.array(values, np.float32)]).ranges(method, 99)["x"]
    assert (low if sign == "low" else high) == 0
    assert low < high


@pytest.mark.parametrize("method", list(METHODS))
def test_the_input_has_the_range_of_a_pixel_whatever_the_photos_hold(method: str) -> None:
    ranges = statistics_of([np.ones(3, np.float32)]).ranges(method, 99)
    assert ranges["image"] == (0.0, 255.0)


def test_statistics_are_read_back_as_written(small: Quantized, tmp_path: Path) -> None:
    small.statistics.save(tmp_path)
    loaded = ActivationStatistics.load(tmp_path)
    assert (loaded.names, loaded.input_name) == (
        small.statistics.names,
        small.statistics.input_name,
    )
    for name in ("minima", "maxima", "histograms", "limits"):
        a, b = getattr(small.statistics, name), getattr(loaded, name)
        assert np.array_equal(a, b), name
        assert a.dtype == b.dtype


def test_extremes_are_those_tensorflows_own_interpreter_computes(small: Quantized) -> None:
    interpreter = tf.lite.Interpreter(
        str(small.file("float32")),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
    feed = interpreter.get_input_details()[0]["index"]
    found = small.statistics
    for n, image in enumerate(small.images):
        interpreter.set_tensor(feed, image[np.newaxis].astype(np.float32))
        interpreter.invoke()
        for t, name in enumerate(found.names):
            values = interpreter.get_tensor(index[name])
            extremes = (found.minima[n, t], found.maxima[n, t])
            np.testing.assert_allclose(
                extremes, (values.min(), values.max()), rtol=1e-4, atol=1e-5, err_msg=name
            )


def test_extremes_are_those_of_keras_layers(lite0: Quantized) -> None:
    layers = (
        "normalise",
        "stem_conv_relu",
        "block2b_project_bn",
        "block2b_add",
        "block7a_project_bn",
    )
    outputs = [lite0.model.get_layer(name).output for name in layers]
    probe = keras.Model(lite0.model.input, outputs)
    values = probe(lite0.images.astype(np.float32), training=False)
    names = lite0.statistics.names
    for layer, tensor in zip(layers, values, strict=True):
        # The fused tensor's name begins with the last layer in it.
        matching = [
            t for t, name in enumerate(names) if name.split(";")[0].split("/")[1:2] == [layer]
        ]
        assert len(matching) == 1, layer
        flat = tensor.numpy().reshape(len(lite0.images), -1)
        found = lite0.statistics.minima[:, matching[0]], lite0.statistics.maxima[:, matching[0]]
        np.testing.assert_allclose(found[0], flat.min(axis=1), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found[1], flat.max(axis=1), rtol=1e-3, atol=1e-3)


def test_every_operators_output_and_the_input_are_watched(quantized: Quantized) -> None:
    statistics = quantized.statistics
    operators = quantized.report("float32").main_ops
    assert len(statistics.names) == len(set(statistics.names)) == operators + 1
    assert statistics.minima.shape == statistics.maxima.shape == (16, operators + 1)
    assert (statistics.minima <= statistics.maxima).all()
    assert statistics.names[0] == statistics.input_name
    assert np.array_equal(statistics.maxima[:, 0], quantized.images.max(axis=(1, 2, 3)))


def test_a_large_tensor_gives_an_even_sample_to_its_histogram(lite0: Quantized) -> None:
    counts = dict(zip(lite0.statistics.names, lite0.statistics.histograms.sum(axis=1), strict=True))
    stem = next(name for name in counts if "/stem_conv_relu/" in name)
    assert counts[stem] == 16 * 32 * 32 * 32 // 2  # 32,768 values are more than 16,384
    assert counts[lite0.statistics.input_name] == 16 * 64 * 64 * 3
    assert counts["PartitionedCall:0"] == 16 * 1000
    assert max(counts.values()) <= 16 * HISTOGRAM_SAMPLES


def test_all_images_are_seen_in_the_end_and_cancelling_stops_before_the_next(
    small: Quantized,
) -> None:
    recorder = Recorder()
    collect_statistics(small.file("float32"), small.images, recorder)
    assert recorder.progressed == [(n, 16) for n in range(1, 17)]
    recorder = Recorder(cancel_after=3)
    with pytest.raises(Cancelled):
        collect_statistics(small.file("float32"), small.images, recorder)
    assert len(recorder.progressed) == 3
