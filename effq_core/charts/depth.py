"""The signal along the depth of a network: where float32 and int8 diverge."""

import html
import math
from collections.abc import Sequence

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure, write, write_above
from effq_core.layers.signal_tensors import TensorSignal
from effq_core.layers.trace import Step
from effq_core.layers.words import layer_title
from effq_core.tflite.network import Network

HEIGHT = 320
_LINE = "#0f8f86"
_BAD = "#d9480f"


def depth_chart(
    network: Network,
    points: Sequence[Step | TensorSignal],
    threshold_db: float,
    *,
    usual: Sequence[float] = (),
    usual_photos: int = 0,
) -> go.Figure:
    """Draws the SQNR of every operator's output, dB, over ``usual``, the median photo's."""
    figure = new_figure(height=HEIGHT, x_title="stage of the network", y_title="SQNR, dB")
    places = list(range(len(points)))
    if usual:
        y = [_finite(value) for value in usual]
        line = {"color": MUTED, "width": 1.2}
        figure.add_scatter(
            x=places, y=y, mode="lines", line=line, connectgaps=True, hoverinfo="skip"
        )
    customdata = [[html.escape(layer_title(p.layer)), html.escape(p.block), p.kind] for p in points]
    figure.add_scatter(
        x=places,
        y=[_finite(point.lower_db) for point in points],
        mode="lines",
        line={"color": _LINE, "width": 2},
        connectgaps=True,
        customdata=customdata,
        hovertemplate="%{customdata[0]} (%{customdata[2]}), %{customdata[1]}<br>%{y:.1f} dB"
        "<extra></extra>",
    )
    figure.add_hline(y=threshold_db, line={"color": _BAD, "width": 1.3, "dash": "dash"})
    corner = {"x": 0, "xref": "paper", "xanchor": "left", "y": threshold_db, "yanchor": "top"}
    write(figure, f"threshold {fmt.decibels(threshold_db)}", size=11, color=_BAD, **corner)
    below = next((n for n, p in enumerate(points) if p.lower_db < threshold_db), None)
    if below is not None:
        _mark(figure, points[below], below, len(points), threshold_db)
    _stages(figure, network, points)
    if usual:
        write_above(figure, f"grey: the median of {fmt.counted(usual_photos, 'photo')}")
    return describe(figure, _alt(points, below, threshold_db))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mark(
    figure: go.Figure, point: Step | TensorSignal, place: int, count: int, threshold_db: float
) -> None:
    height = _finite(point.lower_db)
    height = threshold_db if height is None else height
    marker = {"symbol": "x", "size": 11, "color": _BAD}
    figure.add_scatter(x=[place], y=[height], mode="markers", marker=marker, hoverinfo="skip")
    right = place > count / 2
    write(
        figure,
        f"<b>{html.escape(layer_title(point.layer))}</b>, {fmt.decibels(point.lower_db)}",
        x=place,
        y=height,
        xanchor="right" if right else "left",
        xshift=-8 if right else 8,
        yanchor="top",
        yshift=-18,  # clear of the threshold's own label
    )


def _stages(figure: go.Figure, network: Network, points: Sequence[Step | TensorSignal]) -> None:
    titles: dict[str, int] = {}
    for place, point in enumerate(points):
        block = network.by_name.get(point.block)
        stage = block.stage if block else None
        if stage is not None:
            titles.setdefault(str(stage), place)
        elif block is not None and point.block in ("stem", "head"):
            titles.setdefault(point.block, place)
    tickvals = list(titles.values())
    bounds = [-0.02 * len(points), 1.02 * len(points)]
    figure.update_xaxes(tickvals=tickvals, ticktext=list(titles), range=bounds, zeroline=False)


def _alt(points: Sequence[Step | TensorSignal], below: int | None, threshold_db: float) -> str:
    finite = [point.lower_db for point in points if math.isfinite(point.lower_db)]
    if not finite:
        return "SQNR along the network: int8 loses nothing anywhere."
    reach = f"from {fmt.decibels(finite[0])} at the start to {fmt.decibels(finite[-1])} at the end"
    where = (
        f"It stays above {fmt.decibels(threshold_db)}."
        if below is None
        else f"It first falls under {fmt.decibels(threshold_db)} at "
        f"{html.escape(layer_title(points[below].layer))}."
    )
    return f"SQNR along the network's {fmt.counted(len(points), 'operator')}, {reach}. {where}"
