"""Charts are made once for all visitors, and never mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import plotly.io
import pytest

from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.results import load_reference
from pages.ui.common import remembered as module
from pages.ui.common.remembered import remembered

calls: list[tuple] = []


def _make(*given: object, **chosen: object) -> list[object]:
    calls.append((given, chosen))
    return [*given, *chosen.values()]


@pytest.fixture(autouse=True)
def _empty() -> None:
    calls.clear()
    module._made.clear()


def test_the_same_objects_and_choices_are_made_once() -> None:
    run = object()

    first = remembered(_make, run, 1, threads=2)
    assert remembered(_make, run, 1, threads=2) is first
    assert len(calls) == 1


def test_other_objects_choices_and_kinds_are_others() -> None:
    run = object()
    made = [
        remembered(_make, run, 1),
        remembered(_make, run, True),  # equal to 1, but not the same choice
        remembered(_make, run, 1.0),
        remembered(_make, run, threads=1),
        remembered(_make, object(), 1),
        remembered(_make, run, None),
    ]
    assert len(calls) == len(made) == len({id(each) for each in made})


def test_an_object_that_is_gone_is_never_taken_for_a_new_one() -> None:
    for number in range(200):  # freed objects' addresses are used again at once
        assert remembered(_make, [number]) == [[number]]
    assert len(module._made) == module.MOST


def test_a_chart_shown_by_many_threads_is_the_chart_itself() -> None:
    reference = load_reference()
    alone = plotly.io.to_json(tradeoff(reference, Against.SIZE, paper=False))

    def show(_: int) -> str:
        figure = remembered(tradeoff, reference, Against.SIZE, paper=False)
        assert figure.layout.height
        return plotly.io.to_json(figure.to_dict(), validate=False)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(show, range(40))) == {alone}
