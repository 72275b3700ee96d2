from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.charts.base import alt_text
from effq_core.charts.latency import distribution, steadiness, thinned, thread_scaling
from effq_core.results import Results


def test_the_distribution_shows_every_sample_the_mean_and_the_99th_percentile(
    reference: Results,
) -> None:
    figure = distribution(reference, 2)
    boxes = [trace for trace in figure.data if trace.type == "box"]
    means, tails = figure.data[-2:]

    assert len(boxes) == 7
    timings = [variant.timing(2) for variant in reference.variants.values()]
    assert [tuple(box.x) for box in boxes] == [timing.samples_ms for timing in timings]
    assert list(means.x) == [timing.mean_ms for timing in timings]
    assert list(tails.x) == [timing.p99_ms for timing in timings]
    assert figure.layout.xaxis.title.text == "One invocation with 2 threads, ms"


@given(st.lists(st.floats(0.1, 100), min_size=12, max_size=300))
def test_thinned_samples_keep_the_ends_and_the_median(samples) -> None:
    kept = thinned(samples, 11)

    assert len(kept) == 11
    assert (kept[0], kept[-1]) == pytest.approx((min(samples), max(samples)))
    assert kept[5] == pytest.approx(float(np.median(samples)))


def test_few_samples_are_kept_as_they_are() -> None:
    assert thinned((3.0, 1.0, 2.0)) == [3.0, 1.0, 2.0]


def test_steadiness_draws_the_chosen_variants_in_the_order_of_time(reference: Results) -> None:
    figure = steadiness(reference, 1, ["int8", "float32"])

    assert [trace.name for trace in figure.data] == ["float32", "int8"]
    assert tuple(figure.data[1].y) == reference.variants["int8"].timing(1).samples_ms
    assert figure.data[0].line.dash != figure.data[1].line.dash, "colour alone would not do"


def test_thread_scaling_draws_medians_with_their_intervals(reference: Results) -> None:
    figure = thread_scaling(reference)

    assert [list(trace.x) for trace in figure.data] == [[1, 2]] * 7
    timing = reference.variants["int8"].timing(2)
    trace = figure.data[3]
    assert trace.y[1] == timing.median_ms
    assert trace.error_y.array[1] == pytest.approx(timing.median_high_ms - timing.median_ms)
    assert "int8 6.17 ms with 1, 3.45 ms with 2" in alt_text(figure)
