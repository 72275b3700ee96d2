"""A network as it is: its stages one below the other, its blocks in them, coloured by a measure."""

import html
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, new_figure
from effq_core.layers.measures import Measure
from effq_core.layers.words import KIND_TITLES
from effq_core.tflite.network import Block, BlockKind, Network

MOST_IN_A_ROW = 8  # blocks side by side; more would be too small to touch on a phone

WIRES, RESIDUALS = "wires", "residuals"  # names of the traces that are no blocks

_SYMBOLS = {
    BlockKind.STEM: "hexagon2",
    BlockKind.FUSED_MBCONV: "square",
    BlockKind.MBCONV: "circle",
    BlockKind.HEAD: "hexagon2",
    BlockKind.OTHER: "diamond",
}
# From fine to bad. Darker is worse, so that it can be read without telling the hues apart.
_SCALE = ((0.0, "#cfe1e6"), (0.35, "#ecc98a"), (0.7, "#cf6a2f"), (1.0, "#8f2413"))
_UNKNOWN = "rgba(128, 128, 128, 0.18)"
_CHOSEN = "#14a098"
_SIZE = 33  # pixels of a block
_ROW = 74  # pixels of a row: the block, its number below, a residual's arc above
_BELOW = (_SIZE / 2 + 9) / _ROW  # of a row, from a block's middle to its number
_ARC = 14  # straight pieces of an arc
_REST = 86  # pixels of margins and the colour bar
_DARK, _LIGHT = "#1b2326", "#ffffff"


@dataclass(frozen=True)
class Row:
    """One line of the drawing, from left to right; the title is empty where a stage goes on."""

    title: str
    blocks: tuple[Block, ...]


def rows(network: Network) -> list[Row]:
    """Arranges the blocks: stem, stages and head each begin a line of their own."""
    groups: list[tuple[str, list[Block]]] = []
    for block in network.blocks:
        title = _row_title(block)
        if not groups or groups[-1][0] != title:
            groups.append((title, []))
        groups[-1][1].append(block)
    return [
        Row(title if start == 0 else "", tuple(blocks[start : start + MOST_IN_A_ROW]))
        for title, blocks in groups
        for start in range(0, len(blocks), MOST_IN_A_ROW)
    ]


def network_chart(network: Network, measure: Measure, chosen: str = "") -> go.Figure:
    """Draws a network, its blocks coloured by a measure, the chosen one ringed."""
    lines = rows(network)
    figure = new_figure(height=_REST + _ROW * len(lines))
    places = {
        block.name: (float(column), -float(number))
        for number, line in enumerate(lines)
        for column, block in enumerate(line.blocks)
    }
    _wires(figure, lines, places)
    if chosen in places:
        _ring(figure, places[chosen])
    low, high = _limits(measure.values)
    for kind in dict.fromkeys(block.kind for block in network.blocks):
        of_kind = [block for block in network.blocks if block.kind is kind]
        _blocks(figure, of_kind, places, measure, (low, high))
    _bar(figure, measure, low, high)
    columns = max(len(line.blocks) for line in lines)
    figure.update_xaxes(range=[-0.6, max(columns, 5) - 0.4], visible=False, fixedrange=True)
    figure.update_yaxes(
        range=[0.62 - len(lines), 0.5],
        tickvals=[-number for number, line in enumerate(lines) if line.title],
        ticktext=[line.title for line in lines if line.title],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(margin={"t": 8, "b": 4, "l": 4, "r": 4}, hoverlabel={"align": "left"})
    return describe(figure, _alt(network, measure))


def short_name(block: Block) -> str:
    """Returns what stands in a block: ``4b``; where it has no such name, a letter for its kind."""
    if block.stage is not None:
        return block.name.removeprefix("block")
    return {BlockKind.STEM: "in", BlockKind.HEAD: "out"}.get(block.kind, block.name[:3])


def _row_title(block: Block) -> str:
    if block.kind in (BlockKind.STEM, BlockKind.HEAD):
        return KIND_TITLES[block.kind]
    return f"Stage {block.stage}" if block.stage is not None else "Layers"


def _limits(values: Mapping[str, float]) -> tuple[float, float]:
    known = [value for value in values.values() if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _wires(
    figure: go.Figure, lines: Sequence[Row], places: Mapping[str, tuple[float, float]]
) -> None:
    """Draws the data's way and the residual arcs, one trace each: many shapes make Plotly slow."""
    wires: list[tuple[float | None, float | None]] = []
    arcs: list[tuple[float | None, float | None]] = []
    for line in lines:
        for block in line.blocks[:-1]:  # not through blocks: those without a value shine through
            x, y = places[block.name]
            wires += [(x + 0.26, y), (x + 0.74, y), (None, None)]
        for block in line.blocks:
            if block.has_residual:
                x, y = places[block.name]
                turns = [math.pi * step / _ARC for step in range(_ARC + 1)]
                arcs += [(x - 0.45 * math.cos(t), y + 0.36 * math.sin(t)) for t in turns]
                arcs.append((None, None))
    for name, points, width in ((WIRES, wires, 1.0), (RESIDUALS, arcs, 1.5)):
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="lines",
            line={"color": MUTED, "width": width},
            hoverinfo="skip",
            name=name,
        )


def _ring(figure: go.Figure, place: tuple[float, float]) -> None:
    marker = {"size": _SIZE + 10, "symbol": "circle", "color": _CHOSEN}
    figure.add_scatter(x=[place[0]], y=[place[1]], mode="markers", marker=marker, hoverinfo="skip")


def _blocks(
    figure: go.Figure,
    blocks: Sequence[Block],
    places: Mapping[str, tuple[float, float]],
    measure: Measure,
    limits: tuple[float, float],
) -> None:
    values = [measure.values.get(block.name, math.nan) for block in blocks]
    colours = [_colour(value, limits, low_is_bad=measure.low_is_bad) for value in values]
    figure.add_scatter(
        x=[places[b.name][0] for b in blocks],
        y=[places[b.name][1] for b in blocks],
        mode="markers+text",
        marker={
            "symbol": _SYMBOLS[blocks[0].kind],
            "size": _SIZE,
            "color": colours,
            "opacity": 1.0,
            "line": {"width": 1, "color": MUTED},
        },
        text=[_inside(b) for b in blocks],
        textposition="middle center",
        textfont={"size": 11, "color": [_on(c) for c in colours]},
        # A click must not fade the others: the ring says which one is chosen.
        selected={"marker": {"opacity": 1.0}},
        unselected={"marker": {"opacity": 1.0}},
        customdata=[b.name for b in blocks],
        hovertext=[_hover(b, measure, v) for b, v in zip(blocks, values, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        x=[places[block.name][0] for block in blocks],
        y=[places[block.name][1] - _BELOW for block in blocks],
        mode="text",
        text=[fmt.NOTHING if math.isnan(value) else measure.brief(value) for value in values],
        textposition="middle center",
        textfont={"size": 11},
        hoverinfo="skip",
    )


def _inside(block: Block) -> str:
    name = html.escape(short_name(block))
    return f"{name}<br><span style='font-size:8px'>SE</span>" if block.has_se else name


def _hover(block: Block, measure: Measure, value: float) -> str:
    parts = [KIND_TITLES[block.kind]]
    parts += ["squeeze-and-excite"] if block.has_se else []
    parts += ["residual"] if block.has_residual else []
    shape = " × ".join(str(side) for side in block.ops[-1].shape)
    written = fmt.NOTHING if math.isnan(value) else measure.write(value)
    return (
        f"<b>{html.escape(block.name)}</b>: {', '.join(parts)}<br>"
        f"{html.escape(measure.title)}: {written}<br>"
        f"{fmt.counted(block.weights, 'weight')}, {fmt.counted(len(block.ops), 'operator')}<br>"
        f"output {shape}"
    )


def _bar(figure: go.Figure, measure: Measure, low: float, high: float) -> None:
    """Adds the colour bar: a trace of its own, because the kinds of blocks are several traces."""
    scale = [[at, colour] for at, colour in _SCALE]
    if measure.low_is_bad:
        scale = [[1 - at, colour] for at, colour in reversed(_SCALE)]
    marker = {
        "color": [low],
        "cmin": low,
        "cmax": high,
        "colorscale": scale,
        "showscale": True,
        "colorbar": {
            "orientation": "h",
            "y": 0,
            "yanchor": "top",
            "x": 0.5,
            "len": 0.9,
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": html.escape(measure.title), "side": "bottom"},
            "nticks": 5,
        },
    }
    figure.add_scatter(x=[None], y=[None], mode="markers", hoverinfo="skip", marker=marker)


def _colour(value: float, limits: tuple[float, float], *, low_is_bad: bool) -> str:
    if math.isnan(value):
        return _UNKNOWN
    low, high = limits
    place = min(1.0, max(0.0, (value - low) / (high - low)))
    place = 1 - place if low_is_bad else place
    for (start, first), (end, second) in itertools.pairwise(_SCALE):
        if place <= end:
            share = (place - start) / (end - start)
            mixed = [
                round(a + share * (b - a))
                for a, b in zip(hex_to_rgb(first), hex_to_rgb(second), strict=True)
            ]
            return "#" + "".join(f"{each:02x}" for each in mixed)
    return _SCALE[-1][1]


def _on(colour: str) -> str:
    """Returns what can be read on a colour; on grey that lets the page through, a middle grey."""
    if not colour.startswith("#"):
        return "#7d8a90"
    red, green, blue = hex_to_rgb(colour)
    return _DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else _LIGHT


def _alt(network: Network, measure: Measure) -> str:
    kinds = ", ".join(
        f"{sum(block.kind is kind for block in network.blocks)} {KIND_TITLES[kind]}"
        for kind in dict.fromkeys(block.kind for block in network.blocks)
    )
    worst = "; ".join(f"{name} {measure.write(measure.values[name])}" for name in measure.worst[:3])
    text = f"The network's {fmt.counted(len(network.blocks), 'block')}: {kinds}."
    return f"{text} {measure.title}, worst first: {worst}." if worst else text
