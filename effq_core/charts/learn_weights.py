"""A kernel's weights under a grid, and what the grid costs each channel."""

import html

import numpy as np
import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure, write_above
from effq_core.learn.grids import Floats, KernelEffect
from effq_core.learn.tensors import Layer

_BARS = "#5b7fa6"
_GRID = "#d9480f"
_BINS = 81
_FULL_LINES = 33  # most levels drawn over the whole height; more would hide the bars


def weights_chart(layer: Layer, effect: KernelEffect, row: int | None) -> go.Figure:
    """Draws weights of one channel, or with ``None`` of all, and the levels they are rounded to."""
    values = layer.values.ravel() if row is None else layer.values[row]
    levels = effect.levels(0 if row is None else row)
    edges = _edges(values)
    counts, _ = np.histogram(values, edges)
    figure = new_figure(height=320, x_title="weight (no unit)", y_title="weights (count)")
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": _BARS, "opacity": 0.75, "line": {"width": 0}},
        hovertemplate="about %{x:.4g}: %{y:,} weights<extra></extra>",
        name="weights",
    )
    reach = edges[-1] - edges[0]
    shown = levels[(levels >= edges[0] - reach / 20) & (levels <= edges[-1] + reach / 20)]
    top = float(counts.max()) if len(shown) <= _FULL_LINES else 0.0
    foot = -0.09 * float(counts.max())
    figure.add_scatter(
        x=np.column_stack([shown, shown, np.full(len(shown), np.nan)]).ravel(),
        y=np.tile([foot, top, np.nan], len(shown)),
        mode="lines",
        line={"color": _GRID, "width": 1.3},
        opacity=0.85,
        hovertemplate="level %{x:.4g}<extra></extra>",
        name="levels of the grid",
    )
    write_above(figure, f"{fmt.counted(len(shown), 'level')} of the grid in view", color=_GRID)
    figure.update_yaxes(rangemode="normal", range=[foot, 1.08 * float(counts.max())])
    if counts.max() < 6:  # a depthwise channel has nine weights: no fractions of one
        figure.update_yaxes(dtick=1)
    what = "all channels" if row is None else f"channel {int(layer.channels[row])}"
    return describe(
        figure,
        f"Histogram of the weights of {html.escape(layer.name)}, {what}, from "
        f"{fmt.plain(float(values.min()))} to {fmt.plain(float(values.max()))}; a grid of "
        f"{effect.grid.bits} bits puts {fmt.counted(len(shown), 'level')} there.",
    )


def channels_chart(effect: KernelEffect, other: KernelEffect, row: int | None) -> go.Figure:
    """Draws how each channel fares under two grids that differ in what shares a scale."""
    figure = new_figure(height=320, x_title="SQNR of a channel (dB)", y_title="")
    names = []
    for place, each in ((1, effect), (0, other)):
        name = "per-channel scale" if each.per_channel else "per-tensor scale"
        finite = each.channels[np.isfinite(each.channels)]
        names.append(name)
        figure.add_violin(
            x=finite,
            y0=place,
            orientation="h",
            side="positive",
            width=1.5,
            points=False,
            line={"color": _GRID if place else MUTED, "width": 1.5},
            spanmode="hard",
            meanline={"visible": False},
            hoverinfo="skip",
            name=name,
        )
        figure.add_scatter(
            x=[each.typical],
            y=[place],
            mode="markers+text",
            marker={"symbol": "line-ns-open", "size": 14, "color": _GRID if place else MUTED},
            text=[f"median {fmt.decibels(each.typical)}"],
            textposition="bottom center",
            hovertemplate="median channel: %{x:.1f} dB<extra></extra>",
        )
        if row is not None and np.isfinite(each.channels[row]):
            figure.add_scatter(
                x=[float(each.channels[row])],
                y=[place],
                mode="markers",
                marker={"symbol": "diamond", "size": 10, "color": _GRID if place else MUTED},
                hovertemplate="this channel: %{x:.1f} dB<extra></extra>",
            )
    ticktext = [f"<b>{names[0]}</b>", names[1]]
    figure.update_yaxes(
        tickvals=[1, 0], ticktext=ticktext, range=[-0.45, 1.95], showgrid=False, zeroline=False
    )
    return describe(
        figure,
        f"SQNR of every channel. With {names[0]} the median channel has "
        f"{fmt.decibels(effect.typical)}, with {names[1]} {fmt.decibels(other.typical)}.",
    )


def _edges(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges: Floats = np.linspace(low, high, _BINS + 1)
    return edges
