"""The error of each layer's output at 8, 4 and 2 bits, under each rounding rule."""

from __future__ import annotations

import html

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts import base
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.layers.width_record import WidthRecord

HEIGHT = 360
_COLOURS = {8: "#14a098", 4: "#8a2be2", 2: "#cf6a2f"}
_SYMBOLS = ("circle", "diamond-open", "x", "square-open")


def width_errors_chart(record: WidthRecord) -> go.Figure:
    """Draws a marker for each layer, width and rule, from the first layer to the last."""
    figure = base.new_figure(
        height=HEIGHT, x_title="Layer, in order", y_title="Error of its output, %", legend=True
    )
    symbols = dict(zip(ROUNDING, _SYMBOLS, strict=False))
    for bits, rule in _series(record):
        points = [
            (place, layer, layer.by_bits[bits])
            for place, layer in enumerate(record.layers)
            if bits in layer.by_bits and rule in layer.by_bits[bits].errors
        ]
        title = f"{bits} bits, {ROUNDING[rule].title}" if rule in ROUNDING else f"{bits} bits"
        figure.add_scatter(
            x=[place for place, _, _ in points],
            y=[100 * width.errors[rule] for _, _, width in points],
            mode="markers",
            name=title,
            marker={
                "color": _COLOURS.get(bits, base.MUTED),
                "symbol": symbols.get(rule, "star"),
                "size": 7,
            },
            hovertext=[
                f"<b>{html.escape(layer.name)}</b><br>{html.escape(title)}: "
                f"{fmt.plain(100 * width.errors[rule], 2)} % of its output's variance"
                for _, layer, width in points
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    figure.update_yaxes(type="log", tickformat="~g")
    return base.describe(figure, _alt(record))


def _series(record: WidthRecord) -> list[tuple[int, str]]:
    found = {
        (width.bits, rule)
        for layer in record.layers
        for width in layer.widths
        for rule in width.errors
    }
    return sorted(found, key=lambda each: (-each[0], each[1]))


def _alt(record: WidthRecord) -> str:
    said = []
    for bits, rule in _series(record):
        errors = sorted(
            layer.by_bits[bits].errors[rule]
            for layer in record.layers
            if bits in layer.by_bits and rule in layer.by_bits[bits].errors
        )
        middle = fmt.plain(100 * errors[len(errors) // 2], 2)
        said.append(f"{bits} bits, {rule}: median {middle} %")
    return (
        f"Error of the output of {fmt.counted(len(record.layers), 'layer')} as a share of its "
        f"variance. {'; '.join(said)}."
    )
