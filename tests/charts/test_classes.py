from __future__ import annotations

import re

import numpy as np
import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.classes import (
    MOST,
    OTHER,
    class_differences,
    confusion,
    confusion_change,
    reliability,
)
from effq_core.measure.accuracy import AccuracyReport, score
from effq_core.measure.predictions import Predictions
from effq_core.results import Results
from effq_core.results.document import class_names
from effq_core.results.pairs import class_changes


def numbers(figure) -> dict[tuple[int, int], str]:
    """The numbers written into the cells, by row and column."""
    return {
        (y, x): text
        for trace in figure.data
        if trace.type == "scatter"
        for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)
    }


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(…)``, as the accessibility guidelines define it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def white_contrasts(figure) -> list[float]:
    """Contrasts of white with every opaque colour of the scale."""
    colours = {colour for _, colour in figure.data[0].colorscale if colour.startswith("rgb(")}
    return [1.05 / (luminance(colour) + 0.05) for colour in colours]


def many_classes(classes: int) -> AccuracyReport:
    """Answers of a model that confuses its last two classes and nothing else."""
    labels = np.repeat(np.arange(classes), 3)
    answers = np.where(labels == classes - 1, classes - 2, labels)
    return score(
        Predictions(
            np.eye(classes, dtype=np.float32)[answers], labels, None, [str(i) for i in labels]
        )
    )


def test_the_confusion_matrix_writes_the_counts_of_the_run(reference: Results) -> None:
    report = reference.variants["int8"].accuracy
    figure = confusion(report, class_names(reference))
    matrix = report.confusion_matrix()

    expected = {(i, j): f"{matrix[i, j]:,}" for i, j in zip(*np.nonzero(matrix), strict=True)}
    assert numbers(figure) == expected
    assert np.asarray(figure.data[0].z).sum(axis=1) == pytest.approx([100] * 10), "% of each class"
    assert alt_text(figure).startswith("Confusion matrix, 246 mistakes on 1,966 photos.")


def test_the_change_of_the_matrix_is_signed_and_adds_up_to_nothing(reference: Results) -> None:
    before, after = (reference.variants[name].accuracy for name in ("float32", "int8"))
    figure = confusion_change(before, after, class_names(reference))

    written = numbers(figure)
    assert written[7, 7] == "−5" and written[9, 9] == "+6"
    assert np.asarray(figure.data[0].z).sum() == 0, "no photo appears or goes"
    assert alt_text(figure).startswith("Change of the confusion matrix: −3 right answers")


def test_numbers_are_white_exactly_where_the_cell_is_strong(reference: Results) -> None:
    before, after = (reference.variants[name].accuracy for name in ("float32", "int8"))
    names = class_names(reference)
    for figure, threshold in (
        (confusion(after, names), 12),
        (confusion_change(before, after, names), 6 / 4),
    ):
        plain, white = (trace for trace in figure.data if trace.type == "scatter")
        z = np.abs(np.asarray(figure.data[0].z))
        assert plain.textfont.color is None and white.textfont.color == "#ffffff"
        assert all(z[y, x] > threshold for x, y in zip(white.x, white.y, strict=True))
        assert all(z[y, x] <= threshold for x, y in zip(plain.x, plain.y, strict=True))
        assert len(white.x) >= 10 and min(white_contrasts(figure)) > 4.4


def test_of_many_classes_the_confused_ones_are_shown(reference: Results) -> None:
    figure = confusion(many_classes(60), [f"class {i}" for i in range(60)])

    assert len(figure.data) == 1, "no numbers in so many cells"
    labels = list(figure.layout.yaxis.ticktext)
    assert len(labels) == MOST and labels[-2:] == ["class 58", "class 59"]
    assert "class 59 as class 58 (3)" in alt_text(figure)


def test_answers_outside_the_datasets_classes_have_a_column_of_their_own() -> None:
    labels = np.array([0, 0, 1])
    answers = np.eye(5, dtype=np.float32)[[0, 4, 3]]
    report = score(Predictions(answers, labels, np.array([0, 3]), ["a", "b", "c"]))

    figure = confusion(report, ["cat", "dog"])
    assert list(figure.layout.xaxis.ticktext) == ["cat", "dog", OTHER]
    assert numbers(figure)[0, 2] == "1"


def test_two_classes_of_the_same_name_stay_two() -> None:
    figure = confusion(many_classes(3), ["crane", "crane", "crane"])

    assert np.shape(figure.data[0].z) == (3, 3)


def test_class_names_are_escaped_in_every_chart(reference: Results) -> None:
    hostile = ["<b>x</b>"] * 10
    report = reference.variants["int8"].accuracy

    for figure in (confusion(report, hostile), confusion_change(report, report, hostile)):
        assert "<b>x" not in "".join(figure.layout.yaxis.ticktext)
        assert "&lt;b&gt;x" in figure.data[0].hovertext[0][0]


def test_class_differences_point_the_way_they_go_and_have_intervals(reference: Results) -> None:
    rows = class_changes(reference, "float32", "int8")
    figure = class_differences(rows, "int8 minus float32")
    [trace] = figure.data

    drawn = dict(zip(figure.layout.yaxis.ticktext, trace.x, strict=True))
    symbols = dict(zip(figure.layout.yaxis.ticktext, trace.marker.symbol, strict=True))
    assert drawn["gas pump (210)"] == pytest.approx(-100 * 5 / 210)
    assert symbols["gas pump (210)"] == "triangle-left"
    assert symbols["parachute (195)"] == "triangle-right"
    assert symbols["golf ball (200)"] == "circle"
    assert min(trace.error_x.array) > 0
    assert "gas pump −2.4 points" in alt_text(figure)


def test_reliability_draws_the_bins_of_each_variant(reference: Results) -> None:
    reports = {name: reference.variants[name].accuracy for name in ("float32", "int8")}
    figure = reliability(reports)

    for trace, report in zip(figure.data[1:], reports.values(), strict=True):
        assert list(trace.customdata) == [part.n for part in report.bins]
        assert sum(trace.customdata) == 1966
    assert "float32 4.2 %, int8 3.7 %" in alt_text(figure)
