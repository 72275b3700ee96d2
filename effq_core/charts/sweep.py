"""Accuracy against one choice of the experiment, over several runs."""

import html
import math
from collections.abc import Sequence

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, error_bars, marker, new_figure, write_above
from effq_core.experiment.variants import get_variant
from effq_core.sweeps.points import AXIS, Along, Measure, Point, Series, x_text

_DASHES = ("solid", "dash", "dot", "dashdot")
_SPREAD = 20  # largest x over smallest from which on the axis is logarithmic


def sweep_chart(
    series: Sequence[Series],
    along: Along,
    measure: Measure,
    *,
    baselines: Sequence[Point] = (),
    quality: str = "Top-1 accuracy",
) -> go.Figure:
    """Draws series of runs with 95 % intervals, ranges of seeds broad behind, float32 across."""
    y_title = "Top-1 minus float32, points" if measure is Measure.DIFFERENCE else f"{quality}, %"
    figure = new_figure(height=440, x_title=AXIS[along], y_title=y_title, legend="foot")
    values = sorted({point.x for entry in series for point in entry.points})
    logarithmic = bool(values) and values[0] > 0 and values[-1] / values[0] >= _SPREAD
    if logarithmic:
        figure.update_xaxes(type="log")
    if len(values) == 1:
        figure.update_xaxes(range=[0.9 * values[0] - 1, 1.1 * values[0] + 1])
    figure.update_xaxes(tickvals=values, ticktext=[x_text(value, along) for value in values])
    for point in baselines:
        figure.add_hline(y=point.y, line={"color": MUTED, "dash": "dot", "width": 1.5})
    if baselines:
        shares = ", ".join(fmt.percent(point.y / 100) for point in baselines)
        write_above(figure, f"dotted: float32 {shares}")
    if measure is Measure.DIFFERENCE:
        figure.add_hline(y=0, line={"color": MUTED, "dash": "dot", "width": 1.5})
    seen: dict[str, int] = {}
    for number, entry in enumerate(series):
        dash = _DASHES[seen.get(entry.variant, 0) % len(_DASHES)]
        seen[entry.variant] = seen.get(entry.variant, 0) + 1
        shift = _shift(number, len(series), values, logarithmic=logarithmic)
        _add_seeds(figure, entry, shift)
        _add(figure, entry, dash, shift, measure, along)
    found = "; ".join(
        f"{entry.label}: "
        + ", ".join(
            f"{_value(point.y, measure)} at {x_text(point.x, along)}"
            + (_seeds(point, measure) if len(point.seeds) > 1 else "")
            for point in entry.points
        )
        for entry in series
    )
    return describe(figure, f"{y_title} against {AXIS[along].lower()}. {found}.")


def _add_seeds(figure: go.Figure, entry: Series, shift: tuple[float, float]) -> None:
    factor, summand = shift
    several = [point for point in entry.points if len(point.seeds) > 1]
    if not several:
        return
    figure.add_scatter(
        x=[p.x * factor + summand for p in several],
        y=[p.y for p in several],
        error_y=error_bars(((p.y, p.least, p.most) for p in several), thickness=9, width=0),
        mode="markers",
        marker={"color": get_variant(entry.variant).colour, "size": 1},
        opacity=0.35,
        showlegend=False,
        hoverinfo="skip",
    )


def _seeds(point: Point, measure: Measure) -> str:
    spread = f"{_value(point.least, measure)} to {_value(point.most, measure)}"
    return f" (mean of {len(point.seeds)} seeds, {spread})"


def _add(
    figure: go.Figure,
    entry: Series,
    dash: str,
    shift: tuple[float, float],
    measure: Measure,
    along: Along,
) -> None:
    factor, summand = shift
    figure.add_scatter(
        x=[point.x * factor + summand for point in entry.points],
        y=[point.y for point in entry.points],
        error_y=error_bars(((point.y, point.low, point.high) for point in entry.points), width=4),
        mode="lines+markers",
        name=html.escape(entry.label),
        line={"color": get_variant(entry.variant).colour, "dash": dash, "width": 2},
        marker=marker(entry.variant, size=10),
        hovertext=[_hover(entry, point, measure, along) for point in entry.points],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _shift(
    number: int, count: int, values: Sequence[float], *, logarithmic: bool
) -> tuple[float, float]:
    """Returns factor and summand that put the intervals of several series side by side."""
    place = number - (count - 1) / 2
    if not values or values[-1] == values[0]:
        return 1.0, place * (0.01 * values[0] if values else 0.0)
    if logarithmic:
        return math.exp(place * 0.015 * math.log(values[-1] / values[0])), 0.0
    return 1.0, place * 0.015 * (values[-1] - values[0])


def _value(value: float, measure: Measure) -> str:
    return fmt.points(value) if measure is Measure.DIFFERENCE else fmt.percent(value / 100)


def _hover(entry: Series, point: Point, measure: Measure, along: Along) -> str:
    if measure is Measure.DIFFERENCE:
        interval = fmt.points_interval(point.low, point.high)
    else:
        interval = fmt.percent_interval(point.low / 100, point.high / 100)
    lines = [
        f"<b>{html.escape(entry.label)}</b>, {x_text(point.x, along)}",
        f"{_value(point.y, measure)} ({interval}), n = {fmt.count(point.n)}",
    ]
    if len(point.seeds) > 1:
        spread = f"{_value(point.least, measure)} to {_value(point.most, measure)}"
        lines.append(f"mean of {len(point.seeds)} seeds, which reach from {spread}")
    if point.p is not None:
        lines.append(f"against float32: {fmt.p_value(point.p)}")
    lines.append(html.escape(point.run))
    return "<br>".join(lines)
