"""Fake-quant: the staircase a value climbs, and the gradient that is let through."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from effq_core.base import formatting as fmt
from effq_core.charts.base import GRID, MUTED, describe, new_figure
from effq_core.learn.fake_quant import Curve, Point
from effq_core.learn.grids import Grid

_LINE = "#0f8f83"
_POINT = "#d9480f"


def fake_quant_chart(grid: Grid, drawn: Curve, point: Point) -> go.Figure:
    """Draws what fake-quant does to a value, and below it to the value's gradient."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.07
    )
    figure.update_layout(new_figure(height=440).layout)
    for row in (1, 2):
        for end in (float(grid.low[0]), float(grid.high[0])):
            line = {"color": MUTED, "dash": "dot", "width": 1}
            figure.add_vline(x=end, line=line, row=row, col=1)
    drawing = {"color": _LINE, "width": 2.2}
    upper: dict[str, Any] = {"row": 1, "col": 1, "mode": "lines"}
    lower: dict[str, Any] = {"row": 2, "col": 1, "mode": "lines"}
    straight = {"color": MUTED, "dash": "dash", "width": 1.2}
    figure.add_scatter(x=drawn.values, y=drawn.values, line=straight, hoverinfo="skip", **upper)
    told = "in %{x:.4g} → out %{y:.4g}<extra></extra>"
    figure.add_scatter(x=drawn.values, y=drawn.outputs, line=drawing, hovertemplate=told, **upper)
    figure.add_scatter(
        x=[point.value, point.value],
        y=[point.value, point.output],
        line={"color": _POINT, "width": 2},
        marker={"symbol": ["circle-open", "circle"], "size": 10, "color": _POINT},
        hovertemplate="%{x:.4g} → %{y:.4g}<extra></extra>",
        **upper | {"mode": "lines+markers"},
    )
    figure.add_scatter(
        x=drawn.values,
        y=drawn.gradients,
        fill="tozeroy",
        fillcolor="rgba(15, 143, 131, 0.18)",
        line=drawing,
        hovertemplate="at %{x:.4g}: × %{y:.0f}<extra></extra>",
        **lower,
    )
    figure.add_scatter(
        x=[point.value],
        y=[point.gradient],
        marker={"symbol": "circle", "size": 10, "color": _POINT},
        hovertemplate="× %{y:.0f}<extra></extra>",
        **lower | {"mode": "markers"},
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    figure.update_yaxes(title_text="value out", row=1, col=1)
    figure.update_yaxes(title_text="gradient ×", tickvals=[0, 1], range=[-0.15, 1.25], row=2, col=1)
    figure.update_xaxes(title_text="value in (no unit)", row=2, col=1)
    return describe(
        figure,
        f"Fake-quant with {grid.bits} bits turns {fmt.plain(point.value)} into "
        f"{fmt.plain(point.output)}. Its gradient is 1 from {fmt.plain(float(grid.low[0]))} to "
        f"{fmt.plain(float(grid.high[0]))} and 0 elsewhere.",
    )
