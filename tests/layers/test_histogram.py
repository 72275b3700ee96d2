from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.layers.signal import FINE, GrowingHistogram

finite = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.lists(finite, min_size=1, max_size=20), min_size=1, max_size=5))
def test_every_value_is_in_a_bin_that_spans_it_however_far_the_bins_grow(
    pieces: list[list[float]],
) -> None:
    counting = GrowingHistogram(-1.0, 1.0)
    for piece in pieces:
        values = np.array(piece, np.float32)
        counting.add(values, float(values.min()), float(values.max()))
    every = np.concatenate([np.array(piece) for piece in pieces])
    low, high = min(every.min(), -1.0), max(every.max(), 1.0)
    counts, edges = counting.over(low, high, 128)
    assert counts.sum() == len(every)
    assert len(edges) == len(counts) + 1 <= 129
    wide = edges[1] - edges[0]
    assert edges[0] <= low + 1e-6 * wide and edges[-1] >= high - 1e-6 * wide
    # Bins merge where values are by then, so an edge may have moved by a last digit.
    below = np.array([(every < edge - 1e-3 * wide).sum() for edge in edges])
    upto = np.array([(every <= edge + 1e-3 * wide).sum() for edge in edges])
    seen = np.concatenate([[0], counts.cumsum()])
    assert (below <= seen).all() and (seen <= upto).all()


def test_counts_are_numpys_where_the_range_is_known() -> None:
    values = np.random.default_rng(0).normal(0, 1, 5000).astype(np.float32)
    counting = GrowingHistogram(-8.0, 8.0)
    counting.add(values, float(values.min()), float(values.max()))
    counts, edges = counting.over(-8.0, 8.0, 128)
    expected, ends = np.histogram(values.astype(np.float64), 128, (-8.0, 8.0))
    assert counts.tolist() == expected.tolist()
    assert edges == pytest.approx(ends)


def test_bins_span_only_what_is_asked_and_what_was_counted() -> None:
    counting = GrowingHistogram(0.0, 1.0)
    counting.add(np.array([0.5]), 0.5, 0.5)
    counts, edges = counting.over(0.25, 0.4, 128)
    assert counts.sum() == 1
    assert edges[0] == 0.25 and 0.5 < edges[-1] <= 0.51
    assert counting.over(0.25, 0.4, FINE)[1][1] - 0.25 == pytest.approx(1 / FINE)
