"""Sizes as bars, with how many times smaller each file is."""

import html

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, marker, new_figure, wrapped
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.results.document import Results, VariantResult
from effq_core.results.paper import beside_paper

_ROW = 50  # pixels a bar takes
_FRAME = 96  # pixels of axis, legend and margins


def sizes(results: Results, *, paper: bool = True) -> go.Figure:
    """Draws the size of every variant's file, float32 on top, the paper's as hollow markers."""
    variants = list(results.variants.values())
    rows = beside_paper(results).rows if paper else {}
    height = _ROW * len(variants) + _FRAME
    figure = new_figure(height=height, x_title="Size of the file, KiB", legend=bool(rows))
    # The numbers stand in the axis' labels: beside a bar they would cover the paper's marker.
    names = {variant.name: _label(variant) for variant in variants}
    figure.add_bar(
        x=[variant.file.size_kib for variant in variants],
        y=list(names.values()),
        orientation="h",
        marker={"color": [get_variant(variant.name).colour for variant in variants]},
        hovertext=[_hover(variant) for variant in variants],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    if rows:
        figure.add_scatter(
            x=[row.size_kib for row in rows.values()],
            y=[names[name] for name in rows],
            mode="markers",
            marker=marker(BASELINE, size=11, hollow=True)
            | {"color": MUTED, "symbol": "diamond-open"},
            name="the paper",
            hovertemplate="The paper: %{x:,} KB, read as KiB<extra></extra>",
        )
    most = max([v.file.size_kib for v in variants] + [r.size_kib for r in rows.values()])
    figure.update_xaxes(range=[0, 1.04 * most], tickformat=",")
    figure.update_yaxes(autorange="reversed")
    found = "; ".join(
        f"{variant.title} {fmt.kib(variant.file.size_bytes)}"
        + ("" if variant.name == BASELINE else f", {fmt.ratio(variant.compression)} smaller")
        for variant in variants
    )
    return describe(figure, f"Size of each file: {found}.")


def _label(variant: VariantResult) -> str:
    size = fmt.kib(variant.file.size_bytes)
    if variant.name != BASELINE:
        size += f" · {fmt.ratio(variant.compression)}"
    return f"{wrapped(variant.title, 20)}<br><b>{size}</b>"


def _hover(variant: VariantResult) -> str:
    lines = [f"<b>{html.escape(variant.title)}</b>", fmt.kib(variant.file.size_bytes)]
    if variant.name != BASELINE:
        lines.append(
            f"{fmt.ratio(variant.compression)} smaller than float32: "
            f"{fmt.percent(variant.saved_percent / 100)} saved"
        )
    for dtype, size in sorted(variant.file.weight_bytes.items(), key=lambda entry: -entry[1]):
        lines.append(f"{html.escape(dtype)} constants: {fmt.kib(size)}")
    return "<br>".join(lines)
