"""The trade-off: accuracy against size or against latency, with the Pareto front."""

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, error_bars, marker, new_figure, ticks, write
from effq_core.charts.front import Against, Spot, pareto, quality_title, spots
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.latency import MARK
from effq_core.results.document import Results
from effq_core.results.paper import EVALUATED, PaperRow, beside_paper

__all__ = ["Against", "Spot", "pareto", "spots", "tradeoff"]

HEIGHT = 420  # with up to so many labels as fit above the data
_FIT = 10
_PLOT = 330  # pixels of it that are left for the plot itself
_ROW = 18  # pixels a label takes
_LETTER = 6.2  # pixels of its letters
_PHONE = 300  # pixels of the plot on a phone
_FAINT = "rgba(128, 128, 128, 0.5)"
_OUTLINE = "rgba(255, 255, 255, 0.9)"  # tells markers that touch from each other
_CLEAR = 7  # pixels between an interval's end and the line to its label


def tradeoff(
    results: Results,
    against: Against,
    *,
    threads: int = 1,
    controls: bool = True,
    paper: bool = True,
) -> go.Figure:
    """Draws accuracy against size or latency."""
    shown = [
        spot
        for spot in spots(results, against, threads=threads)
        if controls or not get_variant(spot.name).is_control
    ]
    rows = _paper_rows(results, against) if paper else []
    what = quality_title(results)
    across = (
        "Size of the file, KiB"
        if against is Against.SIZE
        else f"Median latency with {fmt.counted(threads, 'thread')}, ms"
    )
    more = _ROW * max(0, len(shown) - _FIT)
    figure = new_figure(height=HEIGHT + more, x_title=across, y_title=f"{what}, %", legend=True)
    if not shown:
        return describe(figure, "No variant was timed with that many threads.")
    right = 1.08 * max([spot.x_high for spot in shown] + [_paper_x(row, against) for row in rows])
    figure.update_xaxes(range=[0, right], tickformat=",")
    _scale_y(figure, shown, rows)
    _add_front(figure, pareto(shown), right)
    for row in rows:
        _add_paper(figure, row, against)
    if rows:
        _add_key(figure, f"hollow: the paper (n = {EVALUATED})")
    for spot in shown:
        _add_spot(figure, results, spot, against, threads)
    _add_flags(figure, shown, right)
    return describe(figure, _alt(results, shown, against, threads, what))


def _paper_rows(results: Results, against: Against) -> list[PaperRow]:
    view = beside_paper(results)
    if results.baseline.accuracy.top1 is None:
        return []
    return list(view.rows.values()) if against is Against.SIZE or view.with_latency else []


def _paper_x(row: PaperRow, against: Against) -> float:
    return row.size_kib if against is Against.SIZE else row.latency_ms


def _scale_y(figure: go.Figure, shown: Sequence[Spot], rows: Sequence[PaperRow]) -> None:
    """Leaves a band above the data where the labels stand, and no tick beyond 100 %."""
    lows = [spot.y_low for spot in shown] + [100 * row.accuracy.low for row in rows]
    highs = [spot.y_high for spot in shown] + [100 * row.accuracy.high for row in rows]
    low, high = min(lows), max(highs)
    margin = max(0.06 * (high - low), 0.25)
    low, high = max(0.0, low - margin), high + margin
    band = min(0.6, (len(shown) + 0.5) * _ROW / (_PLOT + figure.layout.height - HEIGHT))
    top = low + (high - low) / (1 - band)
    values = ticks(low, min(100.0, high))
    figure.update_yaxes(range=[low, top], tickvals=values, ticktext=[f"{v:g}" for v in values])
    figure.update_layout(meta={"labels_from": high, "labels_to": top})


def _add_front(figure: go.Figure, front: Sequence[Spot], right: float) -> None:
    """Draws the front to the edges of the plot: what lies right of or below it is beaten."""
    if not front:
        return
    x = [front[0].x, *(spot.x for spot in front), right]
    y = [figure.layout.yaxis.range[0], *(spot.y for spot in front), front[-1].y]
    line = {"shape": "hv", "dash": "dot", "width": 2, "color": MUTED}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, name="Pareto front", hoverinfo="skip")


def _add_paper(figure: go.Figure, row: PaperRow, against: Against) -> None:
    share, x = row.accuracy, _paper_x(row, against)
    unit = "KB, read as KiB" if against is Against.SIZE else "ms, mean"
    title = html.escape(get_variant(row.variant).title)
    figure.add_scatter(
        x=[x],
        y=[100 * row.top1],
        error_y=error_bars(
            [(100 * share.share, 100 * share.low, 100 * share.high)], color=_FAINT, width=4
        ),
        mode="markers",
        marker=marker(row.variant, size=11, hollow=True),
        showlegend=False,
        hovertemplate=(
            f"<b>{title}, the paper</b><br>{x:,g} {unit}<br>Top-1 {fmt.percent(row.top1, 0)} "
            f"({fmt.percent_interval(share.low, share.high)} from n = {share.n})<extra></extra>"
        ),
    )


def _add_key(figure: go.Figure, text: str) -> None:
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": "circle-open", "size": 11, "color": MUTED, "line": {"width": 2}},
        name=text,
    )


def _add_spot(
    figure: go.Figure, results: Results, spot: Spot, against: Against, threads: int
) -> None:
    style = {"color": get_variant(spot.name).colour, "width": 4}
    across = error_bars([(spot.x, spot.x_low, spot.x_high)], **style)
    figure.add_scatter(
        x=[spot.x],
        y=[spot.y],
        error_y=error_bars([(spot.y, spot.y_low, spot.y_high)], **style),
        error_x=across if against is Against.LATENCY else None,
        mode="markers",
        marker=marker(spot.name, size=12) | {"line": {"width": 1, "color": _OUTLINE}},
        name=html.escape(results.variants[spot.name].title),
        showlegend=False,
        customdata=[spot.name],
        hovertemplate=_hover(results, spot.name, threads) + "<extra></extra>",
    )


def _add_flags(figure: go.Figure, shown: Sequence[Spot], right: float) -> None:
    """Labels the markers in rows above the data, the leftmost highest: no line crosses a label."""
    meta = figure.layout.meta
    step = (meta["labels_to"] - meta["labels_from"]) / (len(shown) + 0.5)
    # Labels right of their lines: the leftmost highest; below them, those left of their lines.
    order = sorted(shown, key=lambda s: (1, s.x) if _leftwards(s, s.x / right) else (2, -s.x))
    for rank, spot in enumerate(order):
        x, leftwards = spot.x, _leftwards(spot, spot.x / right)
        height = meta["labels_from"] + (rank + 0.5) * step
        # Dotted, grey and apart from the interval, so that nobody reads it as a part of that.
        y0 = spot.y_high + _CLEAR * step / _ROW
        line = {"color": _FAINT, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", x0=x, x1=x, y0=y0, y1=height, line=line, layer="below")
        write(
            figure,
            html.escape(get_variant(spot.name).title),
            x=x,
            y=height,
            xanchor="right" if leftwards else "left",
            xshift=-4 if leftwards else 4,
            yanchor="middle",
        )


def _leftwards(spot: Spot, place: float) -> bool:
    return place > 1 - (_LETTER * len(get_variant(spot.name).title) + 8) / _PHONE


def _hover(results: Results, name: str, threads: int) -> str:
    variant = results.variants[name]
    lines = [f"<b>{html.escape(variant.title)}</b>"]
    size = fmt.kib(variant.file.size_bytes)
    lines.append(size if name == BASELINE else f"{size}, {fmt.ratio(variant.compression)} smaller")
    timing = variant.timing(threads)
    if timing is not None:
        interval = f"{fmt.milliseconds(timing.median_low_ms)} to "
        interval += fmt.milliseconds(timing.median_high_ms)
        lines.append(
            f"{fmt.milliseconds(timing.median_ms)} ({interval}) with "
            f"{fmt.counted(threads, 'thread')}"
        )
    ratio = results.speedup(name, threads)
    if ratio is not None and name != BASELINE:
        lines.append(f"{ratio.text} float32's speed ({ratio.interval})")
        if ratio.disturbed:
            lines.append(f"{MARK} timed on a busy machine")
    top1, comparison = variant.accuracy.top1, variant.comparison
    n = f"n = {fmt.count(variant.accuracy.n)}"
    if top1 is not None:
        share = fmt.share_with_interval(top1.share, top1.low, top1.high)
        lines.append(f"Top-1 {share}, {n}")
    elif comparison is not None:
        same = comparison.agreement
        share = fmt.share_with_interval(same.share, same.low, same.high)
        lines.append(f"float32's answer {share}, {n}")
    if comparison is not None and comparison.p is not None:
        lines.append(f"{fmt.points(comparison.difference_points)}, {fmt.p_value(comparison.p)}")
    if failed := variant.failed_gates:
        lines.append(f"{fmt.counted(len(failed), 'check')} failed")
    return "<br>".join(lines)


def _alt(results: Results, shown: Sequence[Spot], against: Against, threads: int, what: str) -> str:
    unit = (lambda x: fmt.kib(1024 * x)) if against is Against.SIZE else fmt.milliseconds
    places = "; ".join(
        f"{results.variants[s.name].title} {unit(s.x)} and {fmt.percent(s.y / 100)}" for s in shown
    )
    against_what = (
        "size" if against is Against.SIZE else f"latency with {fmt.counted(threads, 'thread')}"
    )
    front = ", ".join(results.variants[spot.name].title for spot in pareto(shown))
    return f"{what} against {against_what}: {places}. On the Pareto front: {front}."
