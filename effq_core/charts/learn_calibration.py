"""An activation's values with the ranges three methods give it, and what more photos do."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from effq_core.base import formatting as fmt
from effq_core.charts.base import GRID, MUTED, describe, new_figure, write
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.ranges import RangeEffect
from effq_core.learn.tensors import Activation

_BARS = "#5b7fa6"
_MOST_BARS = 160


def ranges_chart(activation: Activation, effects: Sequence[RangeEffect]) -> go.Figure:
    """Draws the values an activation took on all photos, and the range of each method below."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.66, 0.34], vertical_spacing=0.04
    )
    figure.update_layout(new_figure(height=400).layout)
    x, y, width = _histogram(activation)
    figure.add_bar(
        x=x,
        y=y,
        width=width,
        marker={"color": _BARS, "opacity": 0.75, "line": {"width": 0}},
        hovertemplate="about %{x:.3g}: %{y:,} values<extra></extra>",
        row=1,
        col=1,
    )
    for place, effect in enumerate(reversed(effects)):
        method = METHODS[effect.method]
        figure.add_scatter(
            x=[effect.low, effect.high],
            y=[place, place],
            mode="lines+markers",
            line={"color": method.colour, "width": 4},
            marker={"symbol": method.symbol, "size": 9, "color": method.colour},
            hovertemplate=f"{method.title.lower()}: %{{x:.4g}}<extra></extra>",
            row=2,
            col=1,
        )
        ends = f"{fmt.plain(effect.low)} to {fmt.plain(effect.high)}"
        write(figure, ends, x=(effect.low + effect.high) / 2, y=place, yshift=11, row=2, col=1)
    figure.update_yaxes(
        tickvals=list(range(len(effects))),
        ticktext=[METHODS[each.method].title.lower() for each in reversed(effects)],
        range=[-0.5, len(effects) - 0.3],
        showgrid=False,
        zeroline=False,
        automargin=True,
        row=2,
        col=1,
    )
    figure.update_yaxes(
        type="log", title_text="values (count, log)", dtick=2, gridcolor=GRID, row=1, col=1
    )
    low, high = min(0.0, float(activation.minima.min())), max(0.0, float(activation.maxima.max()))
    margin = 0.04 * (high - low)
    # Fixed, so that a range is seen to grow, not the axis to shrink.
    figure.update_xaxes(
        gridcolor=GRID, zerolinecolor=GRID, range=[low - margin, high + margin], autorange=False
    )
    figure.update_xaxes(title_text="value of the activation (no unit)", row=2, col=1)
    words = "; ".join(
        f"{METHODS[each.method].title.lower()} {fmt.plain(each.low)} to {fmt.plain(each.high)}"
        for each in effects
    )
    return describe(
        figure,
        f"Histogram of {html.escape(activation.name)} on all photos, and below it the range each "
        f"method finds on {fmt.counted(effects[0].images, 'photo')}: {words}.",
    )


def growth_chart(courses: Mapping[str, Sequence[RangeEffect]], images: int) -> go.Figure:
    """Draws how the typical photo's error changes with the number of calibration photos."""
    figure = new_figure(
        height=340,
        x_title="calibration photos (count, log)",
        y_title="SQNR of a typical photo (dB)",
        hover="x unified",
    )
    figure.update_layout(legend={"y": 1.02, "yanchor": "bottom"}, showlegend=True)
    figure.add_vline(x=images, line={"color": MUTED, "dash": "dot", "width": 1.5})
    stops: list[int] = []
    words = []
    for method, course in courses.items():
        row = METHODS[method]
        stops = [each.images for each in course]
        figure.add_scatter(
            x=stops,
            y=[each.typical for each in course],
            mode="lines+markers",
            line={"color": row.colour, "dash": row.dash, "width": 2.5},
            marker={"symbol": row.symbol, "size": 8, "color": row.colour},
            name=row.title.lower(),
            hovertemplate="%{y:.1f} dB",
        )
        words.append(
            f"{row.title.lower()} from {fmt.decibels(course[0].typical)} with "
            f"{course[0].images} to "
            f"{fmt.decibels(course[-1].typical)} with {course[-1].images:,}"
        )
    figure.update_xaxes(type="log", tickvals=stops, ticktext=[f"{stop:,}" for stop in stops])
    alt = f"SQNR of a typical photo against calibration photos: {'; '.join(words)}."
    return describe(figure, alt)


def _histogram(activation: Activation) -> tuple[list[float], list[float], list[float]]:
    counts = activation.histograms[-1]
    edges = np.linspace(-activation.limit, activation.limit, len(counts) + 1)
    held = np.flatnonzero(counts > 0)
    first, last = int(held[0]), int(held[-1]) + 1
    step = max(1, -(-(last - first) // _MOST_BARS))
    starts = np.arange(first, last, step)
    ends = np.minimum(starts + step, last)
    sums = np.add.reduceat(counts[first:last], starts - first)
    low, high = edges[starts], edges[ends]
    return ((low + high) / 2).tolist(), sums.tolist(), (high - low).tolist()
