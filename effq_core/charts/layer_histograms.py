"""Values of a tensor with the int8 grid over them, and the ranges of a kernel's channels."""

from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure, write_above
from effq_core.layers.signal_tensors import KernelSignal, TensorSignal

HEIGHT = 300
_BARS = "#5b7fa6"
_GRID = "#d9480f"
_LOWEST, _HIGHEST = -128, 127
_SYMMETRIC = 127  # TensorFlow Lite's kernels use the integers -127 to 127

_Floats = npt.NDArray[np.float64]


def activation_chart(signal: TensorSignal) -> go.Figure:
    """Draws an operator's float32 values, counts logarithmic, and what int8 can represent."""
    figure = _histogram(signal.histogram, signal.edges, "values", "activation (no unit)")
    if signal.scale is None or signal.zero_point is None:
        write_above(figure, "kept in floats: no grid")
        return describe(figure, f"Histogram of {signal.layer}, which stays in floats.")
    outside = (signal.edges[1:] <= signal.int8_low) | (signal.edges[:-1] >= signal.int8_high)
    figure.data[0].marker.color = np.where(outside, _GRID, _BARS).tolist()
    integers = np.arange(_LOWEST, _HIGHEST + 1) - signal.zero_point
    levels: _Floats = integers.astype(np.float64) * signal.scale
    _rug(figure, [("int8", levels)])
    for place, text, side in (
        (signal.int8_low, "int8 begins", "left"),
        (signal.int8_high, "int8 ends", "right"),
    ):
        figure.add_vline(x=place, line={"color": _GRID, "width": 1.5, "dash": "dot"})
        write_above(figure, text, place, xanchor=side, size=11, color=_GRID)
    return describe(
        figure,
        f"Histogram of the activations of {signal.layer} on "
        f"{fmt.counted(signal.images, 'photo')}: {fmt.plain(signal.low)} to "
        f"{fmt.plain(signal.high)}. The 256 levels of int8 reach from "
        f"{fmt.plain(signal.int8_low)} to {fmt.plain(signal.int8_high)}; "
        f"{fmt.percent(signal.clipped_share, 3)} of the values lie outside.",
    )


def kernel_chart(kernel: KernelSignal) -> go.Figure:
    """Draws an operator's weights, and the levels of its widest and its median channel."""
    figure = _histogram(kernel.histogram, kernel.edges, "weights", "weight (no unit)")
    name = kernel.layer
    if not kernel.scales.size:
        write_above(figure, "kept in floats: no grid")
        return describe(figure, f"Histogram of the weights of {name}, which stay in floats.")
    ordered = np.sort(kernel.scales.astype(np.float64))
    integers = np.arange(-_SYMMETRIC, _SYMMETRIC + 1)
    widest: _Floats = ordered[-1] * integers
    median: _Floats = ordered[len(ordered) // 2] * integers
    shared = len(ordered) == 1
    _rug(figure, [("int8", widest)] if shared else [("widest", widest), ("median", median)])
    return describe(
        figure,
        f"Histogram of the {fmt.counted(int(kernel.histogram.sum()), 'weight')} of {name}. The "
        f"int8 step of its widest channel is {fmt.plain(float(ordered[-1]))}, of the median one "
        f"{fmt.plain(float(ordered[len(ordered) // 2]))}.",
    )


def channels_chart(kernel: KernelSignal) -> go.Figure:
    """Draws the range of every output channel of a kernel, the widest first."""
    peaks = np.maximum(np.abs(kernel.low), np.abs(kernel.high))
    order = np.argsort(-peaks, kind="stable")
    figure = new_figure(
        height=HEIGHT, x_title="channel, widest first", y_title="range of its weights"
    )
    low, high = kernel.low[order], kernel.high[order]
    figure.add_bar(
        x=np.arange(1, len(order) + 1),
        y=high - low,
        base=low,
        marker={"color": _BARS, "line": {"width": 0}},
        customdata=np.column_stack([order, low, high]),
        hovertemplate="channel %{customdata[0]}: %{customdata[1]:.3g} to %{customdata[2]:.3g}"
        "<extra></extra>",
    )
    figure.update_layout(bargap=0.0 if len(order) > 60 else 0.25)
    median = float(np.median(peaks))
    for level in (median, -median):
        figure.add_hline(y=level, line={"color": MUTED, "width": 1.2, "dash": "dot"})
    spread = fmt.ratio(kernel.spread) if np.isfinite(kernel.spread) else "many times"
    write_above(figure, f"widest channel: {spread} the median one (dotted)")
    return describe(
        figure,
        f"Ranges of the {fmt.counted(len(order), 'channel')} of {kernel.layer}. The "
        f"widest, channel {int(order[0])}, reaches {fmt.plain(float(peaks[order[0]]))}, "
        f"{spread} the median one.",
    )


def _histogram(counts: npt.NDArray[Any], edges: _Floats, noun: str, across: str) -> go.Figure:
    figure = new_figure(height=HEIGHT, x_title=across, y_title=f"{noun} (count)")
    x = (edges[:-1] + edges[1:]) / 2
    marker = {"color": _BARS, "line": {"width": 0}}
    hovertemplate = f"about %{{x:.4g}}: %{{y:,}} {noun}<extra></extra>"
    figure.add_bar(x=x, y=counts, width=np.diff(edges), marker=marker, hovertemplate=hovertemplate)
    top = max(1.0, float(np.log10(max(1, int(counts.max())))))
    bounds = [-0.3, 1.06 * top]  # half a count below one, so that a single value still has a bar
    figure.update_yaxes(type="log", range=bounds, dtick=1 if top < 4 else 2, exponentformat="power")
    return figure


def _rug(figure: go.Figure, rugs: list[tuple[str, _Floats]]) -> None:
    room = 0.1 * len(rugs)
    yaxis2 = {
        "domain": [0, room],
        "range": [0, len(rugs)],
        "tickvals": [len(rugs) - number - 0.5 for number in range(len(rugs))],
        "ticktext": [name for name, _ in rugs],
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
    }
    figure.update_layout(yaxis={"domain": [room + 0.03, 1]}, xaxis={"anchor": "y2"}, yaxis2=yaxis2)
    for number, (name, levels) in enumerate(rugs):
        foot = len(rugs) - number - 0.9
        figure.add_scatter(
            x=np.column_stack([levels, levels, np.full(len(levels), np.nan)]).ravel(),
            y=np.tile([foot, foot + 0.8, np.nan], len(levels)),
            yaxis="y2",
            mode="lines",
            line={"color": _GRID, "width": 1},
            hovertemplate=f"level %{{x:.4g}} ({name})<extra></extra>",
        )
