"""What every chart shares; no background or font colour, to fit light, dark and printed pages."""

import html
import math
import textwrap
from collections.abc import Iterable
from typing import Any, Literal

import plotly.graph_objects as go

from effq_core.devices.timing_file import DeviceTiming
from effq_core.experiment.variants import get_variant
from effq_core.measure.latency import LatencyReport

GRID = "rgba(128, 128, 128, 0.22)"  # lines behind the data; visible on white and on black
MUTED = "rgba(128, 128, 128, 0.85)"  # limits, fronts, the paper's values


_BELOW = {"y": -0.2, "yanchor": "top"}
_FOOT = {"yref": "container", "y": 0, "yanchor": "bottom"}  # off the axis on phones, too


def new_figure(
    *,
    height: int = 360,
    x_title: str = "",
    y_title: str = "",
    legend: bool | Literal["foot"] = False,
    hover: Literal["closest", "x", "y", "x unified", "y unified"] = "closest",
) -> go.Figure:
    """Makes an empty figure ``height`` pixels high; axis titles hold units, the legend is below."""
    axis = {"automargin": True, "gridcolor": GRID, "zerolinecolor": GRID}
    # All at once: every later update of a figure costs plotly milliseconds.
    layout = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "hovermode": hover,
        "showlegend": bool(legend),
        "legend": {"orientation": "h", "x": 0} | (_FOOT if legend == "foot" else _BELOW),
        "dragmode": False,
        "bargap": 0.35,
        "xaxis": {"title": {"text": x_title}, **axis},
        "yaxis": {"title": {"text": y_title}, **axis},
    }
    return go.Figure(layout=layout)


def describe(figure: go.Figure, alt: str) -> go.Figure:
    """Gives a figure the text a screen reader reads: a sentence or two with the main numbers."""
    figure.update_layout(meta={"alt": alt})
    return figure


def alt_text(figure: go.Figure) -> str:
    """Returns a figure's alternative text; empty where it has none."""
    meta: Any = figure.layout.meta
    return str(meta.get("alt", "")) if isinstance(meta, dict) else ""


def marker(variant: str, *, size: int = 12, hollow: bool = False) -> dict[str, Any]:
    """Returns plotly's marker of a variant, ``size`` pixels wide; hollow for the paper's values."""
    row = get_variant(variant)
    return {
        "color": row.colour,
        "symbol": f"{row.symbol}-open" if hollow else row.symbol,
        "size": size,
        "line": {"width": 2 if hollow else 0},
    }


def median_of(timing: LatencyReport | DeviceTiming) -> tuple[float, float, float]:
    """Returns a timing's median and the ends of its 95 % interval, in milliseconds."""
    return timing.median_ms, timing.median_low_ms, timing.median_high_ms


def error_bars(ends: Iterable[tuple[float, float, float]], **style: Any) -> dict[str, Any]:
    """Returns plotly's bars from values to the ends of their intervals: value, low and high."""
    known = list(ends)
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value) for value, _, high in known],
        "arrayminus": [max(0.0, value - low) for value, low, _ in known],
        "thickness": 1.5,
        **style,
    }


def write(
    figure: go.Figure, text: str, *, size: int = 12, color: str | None = None, **place: Any
) -> None:
    """Writes text into a figure, without an arrow; names in it must be escaped."""
    figure.add_annotation(text=text, showarrow=False, font={"size": size, "color": color}, **place)


def write_above(figure: go.Figure, text: str, x: float | None = None, **place: Any) -> None:
    """Writes above the plot: at a place on the x axis, or at the right end."""
    end = {"x": 1, "xref": "paper", "xanchor": "right"} if x is None else {"x": x}
    write(figure, text, y=1, yref="paper", yanchor="bottom", **{**end, **place})


def wrapped(text: str, width: int = 14) -> str:
    """Breaks a name into lines of ``width`` characters for an axis, escaped for plotly."""
    lines = textwrap.wrap(text, width, break_long_words=False) or [""]
    return "<br>".join(html.escape(line) for line in lines)


def shortened(text: str, most: int = 22) -> str:
    """Cuts a long name to ``most`` characters, ellipsis included, escaped for plotly."""
    return html.escape(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Chooses round numbers for an axis: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
