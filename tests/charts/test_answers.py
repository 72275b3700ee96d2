"""The bars of one variant's answer."""

from __future__ import annotations

from effq_core.charts.answers import answer_bars
from effq_core.charts.base import alt_text
from effq_core.experiment.variants import get_variant
from effq_core.predict.variant_answers import Answer, Guess


def answer(*guesses: tuple[str, float]) -> Answer:
    return Answer(
        variant="int8",
        guesses=tuple(
            Guess(index=index, label=label, probability=probability)
            for index, (label, probability) in enumerate(guesses)
        ),
        ms=1.0,
        agrees=True,
    )


def texts(figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def test_each_class_has_a_bar_a_name_and_a_number() -> None:
    figure = answer_bars(answer(("cat", 0.75), ("dog", 0.25)))
    _, bars = figure.data

    assert list(bars.x) == [0.75, 0.25]
    assert bars.marker.color == get_variant("int8").colour
    assert texts(figure) == ["<b>cat</b>", "75.0 %", "dog", "25.0 %"]
    assert alt_text(figure) == "int8, most probable classes: cat 75.0 %, dog 25.0 %."


def test_charts_side_by_side_have_one_scale_and_height_however_few_classes_there_are() -> None:
    one, five = answer_bars(answer(("a", 1.0))), answer_bars(answer(*[("b", 0.2)] * 5))

    for figure in (one, five):
        assert tuple(figure.layout.xaxis.range) == (0, 1)
    assert one.layout.height == five.layout.height
    assert one.layout.yaxis.range == five.layout.yaxis.range


def test_only_the_rows_there_is_room_for_are_drawn() -> None:
    assert len(answer_bars(answer(*[("b", 0.1)] * 9), rows=5).data[1].x) == 5


def test_labels_of_a_models_own_cannot_be_markup() -> None:
    figure = answer_bars(answer(("<img src=x>", 0.9), ("a & b", 0.1)))

    assert texts(figure)[0] == "<b>&lt;img src=x&gt;</b>"
    assert figure.data[1].customdata[0].startswith("&lt;img")
    assert texts(figure)[2] == "a &amp; b"


def test_a_long_name_is_cut_on_the_chart_and_whole_in_the_hover_text() -> None:
    name = "a very long name of a class of a custom model"
    figure = answer_bars(answer((name, 1.0)))

    assert len(texts(figure)[0]) < len(name) and "…" in texts(figure)[0]
    assert name in figure.data[1].customdata[0] and name in alt_text(figure)


def test_it_fits_light_and_dark_pages() -> None:
    layout = answer_bars(answer(("cat", 1.0))).layout

    assert layout.paper_bgcolor is None and layout.plot_bgcolor is None
    assert layout.font.color is None
    assert all(annotation.font.color is None for annotation in layout.annotations)
