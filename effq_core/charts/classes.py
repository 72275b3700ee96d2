"""Classes: what is confused with what, which classes gain or lose, how sure the model is."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import GRID, MUTED, describe, error_bars, marker, new_figure, shortened
from effq_core.experiment.variants import get_variant
from effq_core.measure.accuracy import AccuracyReport
from effq_core.measure.predictions import Ints
from effq_core.results.pairs import ClassChange

MOST = 20  # classes a chart can show; of more, those with the most mistakes or the largest changes
OTHER = "another class"  # answers that are none of the dataset's classes

_NUMBERED = 12  # classes up to which the counts fit into the cells
_CELL = 26
_FRAME = 170
# Faint enough for the page's own text, light or dark, or strong enough for white on both.
_FAINT_TO = 0.12  # share of a class
_CHANGE_FAINT_TO = 0.25  # share of the largest change
_WHITE = "#ffffff"
_STRONG_BLUE = ("rgb(64, 124, 172)", "rgb(0, 70, 125)")
_STRONG_ORANGE = ("rgb(180, 80, 10)", "rgb(140, 50, 0)")
_SHARE_SCALE = [
    [0, "rgba(0, 114, 178, 0)"],
    [_FAINT_TO, "rgba(0, 114, 178, 0.15)"],
    [_FAINT_TO, _STRONG_BLUE[0]],
    [1, _STRONG_BLUE[1]],
]
_CHANGE_SCALE = [
    [0, _STRONG_BLUE[1]],
    [0.5 - _CHANGE_FAINT_TO / 2, _STRONG_BLUE[0]],
    [0.5 - _CHANGE_FAINT_TO / 2, "rgba(0, 114, 178, 0.18)"],
    [0.5, "rgba(128, 128, 128, 0)"],
    [0.5 + _CHANGE_FAINT_TO / 2, "rgba(213, 94, 0, 0.18)"],
    [0.5 + _CHANGE_FAINT_TO / 2, _STRONG_ORANGE[0]],
    [1, _STRONG_ORANGE[1]],
]


def confusion(report: AccuracyReport, names: Sequence[str]) -> go.Figure:
    """Draws what was answered to each true class' photos; the 20 classes with most mistakes."""
    matrix = report.confusion_matrix()
    wrong = matrix.sum(axis=1) - np.diag(matrix)
    shown = _busiest(wrong + (matrix.sum(axis=0)[:-1] - np.diag(matrix)))
    cells = _cut(matrix, shown)
    figure = _heatmap(
        100 * cells / np.maximum(1, matrix[shown].sum(axis=1, keepdims=True)),
        cells,
        [names[i] for i in shown],
        scale=_SHARE_SCALE,
        limits=(0, 100),
        hover=lambda true, answer, count, value: (
            f"{fmt.counted(count, 'photo')} of <b>{true}</b> answered <b>{answer}</b>:<br>"
            f"{fmt.percent(value / 100)} of its photos"
        ),
    )
    mistakes = int(wrong.sum())
    worst = _worst(matrix, names)
    return describe(
        figure,
        f"Confusion matrix, {fmt.count(mistakes)} mistakes on {fmt.counted(report.n, 'photo')}."
        + (f" Most often confused: {worst}." if worst else ""),
    )


def confusion_change(
    before: AccuracyReport, after: AccuracyReport, names: Sequence[str]
) -> go.Figure:
    """Draws the change of the confusion matrix between two variants; the 20 most changed."""
    change = after.confusion_matrix() - before.confusion_matrix()
    shown = _busiest(np.abs(change).sum(axis=1) + np.abs(change).sum(axis=0)[:-1])
    cells = _cut(change, shown)
    most = max(1, int(np.abs(cells).max(initial=0)))
    figure = _heatmap(
        cells.astype(np.float64),
        cells,
        [names[i] for i in shown],
        scale=_CHANGE_SCALE,
        limits=(-most, most),
        hover=lambda t, a, c, _: f"<b>{t}</b> answered <b>{a}</b>: {_signed(c)} photos",
        signed=True,
    )
    right = int(np.diag(change).sum())
    return describe(
        figure,
        f"Change of the confusion matrix: {_signed(right)} right answers; "
        f"{fmt.count(int(np.abs(change).sum()))} cell counts differ in all.",
    )


def class_differences(rows: Sequence[ClassChange], title: str) -> go.Figure:
    """Draws what each class gained or lost between two variants, with 95 % intervals.

    Of more than 20 classes, those that changed most. ``title`` is what the difference is of, such
    as ``int8 minus float32``.
    """
    shown = sorted(rows, key=lambda row: -abs(row.difference_points))[:MOST]
    shown.sort(key=lambda row: row.difference_points, reverse=True)
    height = _CELL * max(4, len(shown)) + 90
    figure = new_figure(height=height, x_title="Difference in top-1, points")
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.add_scatter(
        x=[row.difference_points for row in shown],
        y=list(range(len(shown))),
        error_x=error_bars(
            [(row.difference_points, row.low_points, row.high_points) for row in shown],
            width=3,
            color=MUTED,
        ),
        mode="markers",
        marker={
            "size": 10,
            "symbol": [_direction(row) for row in shown],
            "color": ["#d55e00" if row.difference_points < 0 else "#0072b2" for row in shown],
        },
        hovertext=[
            f"<b>{html.escape(row.name)}</b>, n = {fmt.count(row.n)}<br>"
            f"{fmt.points(row.difference_points)} "
            f"({fmt.points_interval(row.low_points, row.high_points)})<br>"
            f"{fmt.count(row.worse)} worse, {fmt.count(row.better)} better"
            for row in shown
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    tickvals = list(range(len(shown)))
    ticktext = [f"{shortened(row.name)} ({fmt.count(row.n)})" for row in shown]
    figure.update_yaxes(gridcolor=GRID, zeroline=False, tickvals=tickvals, ticktext=ticktext)
    named = "; ".join(f"{row.name} {fmt.points(row.difference_points)}" for row in shown[-3:])
    return describe(figure, f"{title} by class. Largest losses: {named}.")


def reliability(reports: Mapping[str, AccuracyReport]) -> go.Figure:
    """Draws how often answers of each confidence are right: calibrated, on the diagonal."""
    figure = new_figure(
        height=400, x_title="Mean confidence, %", y_title="Share that is right, %", legend="foot"
    )
    x = [0, 100]
    line = {"color": MUTED, "dash": "dot", "width": 1.5}
    figure.add_scatter(
        x=x, y=[0, 100], mode="lines", line=line, name="perfectly calibrated", hoverinfo="skip"
    )
    found = []
    for name, report in reports.items():
        variant = get_variant(name)
        title = html.escape(variant.title)
        figure.add_scatter(
            x=[100 * part.confidence for part in report.bins],
            y=[100 * part.accuracy for part in report.bins],
            mode="lines+markers",
            name=title,
            line={"color": variant.colour, "width": 1.5},
            marker=marker(name, size=8),
            customdata=[part.n for part in report.bins],
            hovertemplate="%{y:.1f} % right at %{x:.1f} % confidence, n = %{customdata}"
            f"<extra>{title}</extra>",
        )
        found.append(f"{variant.title} {fmt.percent(report.calibration_error)}")
    return describe(figure, f"Confidence against accuracy. Calibration error: {', '.join(found)}.")


def _direction(row: ClassChange) -> str:
    if row.difference_points == 0:
        return "circle"
    return "triangle-left" if row.difference_points < 0 else "triangle-right"


def _busiest(weights: Ints) -> list[int]:
    return sorted(int(i) for i in np.argsort(-weights, kind="stable")[:MOST])


def _cut(matrix: Ints, shown: Sequence[int]) -> Ints:
    inside = matrix[np.ix_(shown, shown)]
    return np.column_stack([inside, matrix[shown].sum(axis=1) - inside.sum(axis=1)])


def _heatmap(
    values: Any,
    counts: Ints,
    names: Sequence[str],
    *,
    scale: list[list[Any]],
    limits: tuple[float, float],
    hover: Callable[[str, str, int, float], str],
    signed: bool = False,
) -> go.Figure:
    labels = [shortened(name, 18) for name in names]
    answers = [*labels, OTHER]
    if not counts[:, -1].any():
        values, counts, answers = values[:, :-1], counts[:, :-1], labels
    height = max(300, _CELL * len(labels) + _FRAME)
    figure = new_figure(height=height, x_title="Answer", y_title="True class")
    write = _signed if signed else fmt.count
    numbered = len(labels) <= _NUMBERED
    rows, columns = range(len(labels)), range(len(answers))
    figure.add_heatmap(
        x=list(columns),  # positions, not names: two classes may be called the same
        y=list(rows),
        z=values,
        hovertext=[
            [hover(labels[i], answers[j], int(counts[i, j]), float(values[i, j])) for j in columns]
            for i in rows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        colorscale=scale,
        zmin=limits[0],
        zmax=limits[1],
        showscale=False,
        zsmooth=False,
        xgap=1,
        ygap=1,
    )
    if numbered:
        # Traces of their own: a heatmap's text is coloured for a white page, whatever the page is.
        strong = np.abs(values) / limits[1] > (_CHANGE_FAINT_TO if signed else _FAINT_TO)
        for on_strong in (False, True):
            filled = [
                (i, j) for i in rows for j in columns if counts[i, j] and strong[i, j] == on_strong
            ]
            figure.add_scatter(
                x=[j for _, j in filled],
                y=[i for i, _ in filled],
                text=[write(int(counts[place])) for place in filled],
                mode="text",
                textfont={"color": _WHITE} if on_strong else None,
                hoverinfo="skip",
                showlegend=False,
            )
    figure.update_xaxes(
        tickangle=-45,
        showgrid=False,
        zeroline=False,
        tickvals=list(columns),
        ticktext=answers,
        range=[-0.5, len(answers) - 0.5],
    )
    figure.update_yaxes(
        range=[len(labels) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        tickvals=list(rows),
        ticktext=labels,
    )
    return figure


def _signed(count: int) -> str:
    return f"{count:+,d}".replace("-", fmt.MINUS)


def _worst(matrix: Ints, names: Sequence[str]) -> str:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    found = []
    for place in np.argsort(-off, axis=None, kind="stable")[:3]:
        true, answer = np.unravel_index(place, off.shape)
        if off[true, answer]:
            said = names[answer] if answer < len(names) else OTHER
            found.append(f"{names[true]} as {said} ({off[true, answer]})")
    return ", ".join(found)
