from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.rescue import gains, prices
from effq_core.rescue.request import Remedy
from effq_core.rescue.story import StepState
from tests.rescue.rescue_stories import BAD, CLIPPED, outcome, step, story, unlabelled


def test_each_step_stands_at_its_difference_with_its_interval_beside_the_limit() -> None:
    figure = gains(story(BAD, CLIPPED))
    assert figure is not None
    first, second = figure.data
    assert (first.x[0], second.x[0]) == (-1.5, -0.1)
    assert first.error_x.array[0] == pytest.approx(0.6)
    assert first.error_x.arrayminus[0] == pytest.approx(0.6)
    lines = [shape.x0 for shape in figure.layout.shapes]
    assert lines == [0, -0.3]
    texts = " ".join(str(note.text) for note in figure.layout.annotations)
    assert "limit −0.30 points" in texts
    assert "top-1 86.5 % (84.5–88.5)" in texts
    assert "<b>limit met</b>" in texts, "colour is not the only sign"
    assert "loss 1.50 points (0.90 to 2.10), not enough" in alt_text(figure)


def test_without_labels_the_chart_counts_other_answers_to_the_right() -> None:
    figure = gains(story(step(None, unlabelled(4.0), StepState.TRIED)))
    assert figure is not None
    assert figure.data[0].x[0] == 4.0
    assert [shape.x0 for shape in figure.layout.shapes] == [0, 0.3]
    assert figure.layout.xaxis.title.text == "Other answers than float32, %"


def test_a_limit_of_nothing_shares_float32s_line_and_label() -> None:
    figure = gains(story(BAD, limit=0.0))
    assert figure is not None
    above = [note.text for note in figure.layout.annotations if note.yref == "paper"]
    assert above == ["float32 and limit 0.00 points"]


def test_size_and_latency_stand_beside_each_other_in_their_units() -> None:
    larger = outcome(0.2, variant="int8_mixed", size_bytes=8_800_000, latency_ms={"1": 7.5},
                     disturbed=True)  # fmt: skip
    figure = prices(story(BAD, step(Remedy.MIXED, larger, StepState.MET)))
    assert figure is not None
    sizes, times = figure.data
    assert list(times.x) == [5.0, 7.5]
    assert list(sizes.text) == ["7,812 KiB", "8,594 KiB"]
    assert list(times.text) == ["5.00 ms", "7.50 ms*"]
    assert figure.layout.xaxis2.title.text == "One photo, ms (1 thread)"


def test_without_timings_the_sizes_stand_alone() -> None:
    untimed = prices(story(replace(BAD, outcome=outcome(1.0, latency_ms={}))))
    assert untimed is not None
    assert len(untimed.data) == 1


def test_nothing_measured_draws_nothing() -> None:
    waiting = replace(BAD, outcome=None, state=StepState.RUNNING)
    assert gains(story(waiting)) is None
    assert prices(story()) is None
