"""One channel's weights and the integers they become, and what that costs the layer's output."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.learn.rounding import BITS, NEAREST, RoundedLayer

_NEAREST, _RULE = "#5b7fa6", "#d9480f"


def integers_chart(layer: RoundedLayer, bits: int, rule: str) -> go.Figure:
    """Draws the weights of a channel, in steps, against the integers a rule makes of them."""
    found = layer.by(bits, rule)
    weights = np.array(layer.weights) / found.scale
    integers = np.array(found.integers)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    nearest = np.clip(np.round(weights), low, high)
    off = integers != nearest
    figure = new_figure(
        height=340,
        x_title="weight (steps of the grid)",
        y_title="integer it becomes",
        legend="foot",
    )
    line = np.linspace(min(weights.min(), integers.min()), max(weights.max(), integers.max()), 600)
    figure.add_scatter(
        x=line,
        y=np.clip(np.round(line), low, high),
        mode="lines",
        line={"color": MUTED, "width": 1.2},
        hoverinfo="skip",
        name="nearest integer",
    )
    for where, title, colour, symbol in (
        (~off, "stays at its nearest", _NEAREST, "circle"),
        (off, "moved to make up for others", _RULE, "diamond"),
    ):
        figure.add_scatter(
            x=weights[where],
            y=integers[where],
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.75, "symbol": symbol},
            hovertemplate="%{x:.2f} becomes %{y}<extra></extra>",
            name=title,
        )
    text = (
        f"{fmt.counted(len(weights), 'weight')} of channel {layer.channel} of "
        f"{html.escape(layer.name)} with {bits} bits by {ROUNDING[rule].title}; "
        f"{int(off.sum())} are not at their nearest integer."
    )
    return describe(figure, text)


def errors_chart(layer: RoundedLayer, rule: str) -> go.Figure:
    """Draws the error of a layer's output at each width, by a rule and by rounding to nearest."""
    figure = new_figure(height=340, x_title="bits of a weight", y_title="error of the output (%)")
    words = []
    ticks = [str(bits) for bits in BITS]
    for name, colour in ((NEAREST, _NEAREST), (rule, _RULE)):
        errors = [100 * layer.by(bits, name).error for bits in BITS]
        title = ROUNDING[name].title
        figure.add_bar(
            x=ticks,
            y=errors,
            name=title,
            marker={"color": colour},
            text=[_percent(error) for error in errors],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{title}, %{{x}} bits: %{{y:.3g}} %<extra></extra>",
        )
        words.append(
            f"{title}: "
            + ", ".join(f"{_percent(e)} at {b} bits" for b, e in zip(BITS, errors, strict=True))
        )
        if rule == NEAREST:
            break
    figure.update_layout(showlegend=True)
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="log", tickformat="~g")
    return describe(
        figure, f"Error of the output of {html.escape(layer.name)}. {'; '.join(words)}."
    )


def _percent(error: float) -> str:
    return f"{fmt.plain(error, 2)} %" if error >= 0.001 else "< 0.001 %"
