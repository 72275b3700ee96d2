"""What an operator makes of one photo, in float32 and in int8, channel by channel."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from PIL import Image

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure

MOST_CHANNELS = 4
_TILE = 104  # pixels of a map's side as it is drawn
_GAP = 0.1
_COLUMNS = ("float32", "int8", "difference")
_BLUE, _WHITE, _RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)

_Floats = npt.NDArray[np.float32]


def telling_channels(float32: _Floats, int8: _Floats, most: int = MOST_CHANNELS) -> list[int]:
    """Chooses the channels (last axis) in which int8 is furthest off for their strength."""
    axes = tuple(range(float32.ndim - 1))
    power = np.square(float32, dtype=np.float64).sum(axis=axes)
    noise = np.square(float32.astype(np.float64) - int8).sum(axis=axes)
    strong = power >= 0.01 * power.max() if power.max() > 0 else np.ones(power.shape, bool)
    share = np.where(strong, noise / np.maximum(power, np.finfo(np.float64).tiny), -1.0)
    return [int(channel) for channel in np.argsort(-share, kind="stable")[:most]]


def maps_chart(layer: str, float32: _Floats, int8: _Floats, channels: Sequence[int]) -> go.Figure:
    """Draws channels of ``(height, width, channels)``, one a row: float32, int8, difference."""
    rows = len(channels)
    figure = new_figure(height=40 + round(rows * _TILE * (1 + _GAP)))
    images = []
    for row, channel in enumerate(channels):
        first, second = float32[..., channel], int8[..., channel]
        peak = float(max(np.abs(first).max(), np.abs(second).max(), np.finfo(np.float32).tiny))
        for column, values in enumerate((first, second, second - first)):
            images.append(
                {
                    "source": _picture(values / peak),
                    "x": column * (1 + _GAP),
                    "y": -row * (1 + _GAP),
                    "sizex": 1,
                    "sizey": 1,
                    "xref": "x",
                    "yref": "y",
                    "xanchor": "left",
                    "yanchor": "top",
                    "layer": "above",
                }
            )
    ends = [3 + 2 * _GAP, rows + (rows - 1) * _GAP]
    figure.update_xaxes(
        range=[0, ends[0]],
        tickvals=[column * (1 + _GAP) + 0.5 for column in range(3)],
        ticktext=list(_COLUMNS),
        side="top",
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    figure.update_yaxes(
        range=[-ends[1], 0],
        tickvals=[-row * (1 + _GAP) - 0.5 for row in range(rows)],
        ticktext=[f"channel {channel}" for channel in channels],
        tickangle=-90,
        showgrid=False,
        zeroline=False,
        scaleanchor="x",
        constrain="domain",
    )
    figure.update_layout(margin={"t": 24, "b": 4}, images=images)
    return describe(
        figure,
        f"Output of {layer} on the photo in channels "
        f"{', '.join(map(str, channels))}: float32, int8 and their difference.",
    )


def values_chart(layer: str, float32: _Floats, int8: _Floats) -> go.Figure:
    """Draws an output that is no map: each value of int8 against float32's, whatever the shape."""
    first, second = float32.ravel(), int8.ravel()
    figure = new_figure(height=320, x_title="float32", y_title="int8")
    ends = [float(first.min()), float(first.max())]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": MUTED}, hoverinfo="skip")
    figure.add_scatter(
        x=first,
        y=second,
        mode="markers",
        marker={"size": 5, "color": "#0f8f86", "opacity": 0.7},
        hovertemplate="value %{pointNumber}<br>float32 %{x:.4g}<br>int8 %{y:.4g}<extra></extra>",
    )
    worst = float(np.abs(second - first).max())
    return describe(
        figure,
        f"{fmt.counted(first.size, 'value')} of {layer}, int8 against float32; the "
        f"largest difference is {fmt.plain(worst)}.",
    )


def _picture(values: _Floats) -> str:
    """Returns a map as a PNG in a data address: blue below zero, white at it, red above."""
    clipped = np.clip(values, -1, 1)[..., None]
    end = np.where(clipped < 0, np.array(_BLUE), np.array(_RED))
    mixed = np.array(_WHITE) + np.abs(clipped) * (end - np.array(_WHITE))
    image = Image.fromarray(np.rint(mixed).astype(np.uint8))
    factor = max(1, -(-2 * _TILE // max(image.size)))
    # Without blur: what looks like one place of the map is one.
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    target = io.BytesIO()
    image.save(target, "PNG")
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()
