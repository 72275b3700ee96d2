"""What each step of a rescue gave, and what it costs where it runs."""

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from effq_core.base import formatting as fmt
from effq_core.charts import base
from effq_core.rescue.outcome import Outcome
from effq_core.rescue.story import Step, Story
from effq_core.rescue.wording import drop_text, state_title, title_of

_ROW = 78  # pixels of one step: its name stands above its mark, so that narrow screens have room
_FRAME = 84
_BAR = 0.28


def gains(story: Story) -> go.Figure | None:
    """Draws each measured step's loss, its interval and the limit; ``None`` before the first."""
    steps = _measured(story)
    if not steps:
        return None
    labelled = steps[0][1].is_labelled
    unit = "points" if labelled else "%"
    what = "Top-1 minus float32, points" if labelled else "Other answers than float32, %"
    sign = -1.0 if labelled else 1.0
    figure = base.new_figure(height=_FRAME + _ROW * len(steps), x_title=what)
    limit = sign * story.rescue.max_drop_points
    figure.add_vline(x=0, line={"color": base.MUTED, "dash": "dot", "width": 1.5})
    figure.add_vline(x=limit, line={"color": base.MUTED, "dash": "dash", "width": 2})
    for row, (step, found) in enumerate(steps):
        _mark(figure, row, step, found, sign)
    ends = [sign * end for _, o in steps for end in (o.drop_low, o.drop_high)] + [0.0, limit]
    _frame(figure, len(steps), min(ends), max(ends))
    text = f"limit {fmt.decimals(limit, 2)} {unit}"
    figure.update_layout(margin={"l" if sign > 0 else "r": 52})  # for the word float32
    inner, outer = ("left", "right") if sign > 0 else ("right", "left")
    if limit:
        base.write_above(figure, text, limit, xanchor=inner)
        base.write_above(figure, "float32", 0, xanchor=outer)
    else:
        base.write_above(figure, f"float32 and {text}", 0, xanchor=inner)
    said = "; ".join(
        f"{title_of(s)}: loss {drop_text(f)}, {state_title(s.state).lower()}" for s, f in steps
    )
    return base.describe(figure, f"{what}, with 95 % intervals. {text.capitalize()}. {said}.")


def prices(story: Story) -> go.Figure | None:
    """Draws size and latency of each measured step's file; ``None`` before any was."""
    steps = _measured(story)
    if not steps:
        return None
    shared = set.intersection(*(set(found.latency_ms) for _, found in steps))
    threads = min(shared, key=int, default="")
    titles = ["Size, KiB"]
    if threads:
        titles.append(f"One photo, ms ({fmt.counted(int(threads), 'thread')})")
    figure = make_subplots(rows=1, cols=len(titles), shared_yaxes=True, horizontal_spacing=0.06)
    figure.update_layout(base.new_figure(height=_FRAME + _ROW * len(steps)).layout)
    for column, title in enumerate(titles, start=1):
        sizes = column == 1
        values = [o.size_bytes / fmt.KIB if sizes else o.latency_ms[threads] for _, o in steps]
        texts = [
            fmt.kib(found.size_bytes)
            if sizes
            else fmt.milliseconds(found.latency_ms[threads]) + ("*" if found.disturbed else "")
            for _, found in steps
        ]
        figure.add_bar(
            x=values,
            y=list(range(len(steps))),
            orientation="h",
            width=_BAR,
            marker={"color": [base.marker(found.variant)["color"] for _, found in steps]},
            text=texts,
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            hovertext=[html.escape(title_of(step)) for step, _ in steps],
            hovertemplate="%{hovertext}<br>%{text}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.update_xaxes(
            title_text=title, range=[0, 1.5 * max(values)], gridcolor=base.GRID, automargin=True,
            nticks=3, tickformat=",~g" if sizes else "", row=1, col=column,
        )  # fmt: skip
    for row, (step, _) in enumerate(steps):
        _caption(figure, row, step)
    _rows(figure, len(steps))
    said = "; ".join(
        f"{title_of(step)}: {fmt.kib(found.size_bytes)}"
        + (f", {fmt.milliseconds(found.latency_ms[threads])}" if threads else "")
        for step, found in steps
    )
    return base.describe(figure, f"Size and latency of each step's file. {said}.")


def _measured(story: Story) -> Sequence[tuple[Step, Outcome]]:
    return [(step, step.outcome) for step in story.measured if step.outcome is not None]


def _mark(figure: go.Figure, row: int, step: Step, found: Outcome, sign: float) -> None:
    value = sign * found.drop_points
    low, high = sorted((sign * found.drop_low, sign * found.drop_high))
    top1 = fmt.share_with_interval(found.top1, found.low, found.high)
    lines = [
        f"<b>{html.escape(title_of(step))}</b>",
        f"loss {drop_text(found)}",
        *([f"top-1 {top1}, n = {fmt.count(found.n)}"] if found.is_labelled else []),
        *([fmt.p_value(found.p)] if found.p is not None else []),
        f"same answer as float32: {fmt.percent(found.agreement)}",
    ]
    color = base.marker(found.variant)["color"]
    figure.add_scatter(
        x=[value],
        y=[row],
        error_x=base.error_bars([(value, low, high)], thickness=2, width=5, color=color),
        mode="markers",
        marker=base.marker(found.variant, size=12),
        hovertext=["<br>".join(lines)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    state = state_title(step.state).lower()
    about = f"top-1 {top1}" if found.is_labelled else f"{fmt.decimals(found.drop_points, 2)} %"
    _caption(figure, row, step, f"{about} · <b>{state}</b>")


def _caption(figure: go.Figure, row: int, step: Step, second: str = "") -> None:
    lines = [f"{row + 1}. {html.escape(title_of(step))}", *([second] if second else [])]
    corner: dict[str, Any] = {"xanchor": "left", "yanchor": "bottom", "align": "left"}
    base.write(figure, "<br>".join(lines), xref="paper", x=0, y=row, yshift=12, **corner)


def _frame(figure: go.Figure, count: int, low: float, high: float) -> None:
    room = 0.06 * (high - low or 1.0)
    figure.update_xaxes(range=[low - room, high + room], zeroline=False)
    _rows(figure, count)


def _rows(figure: go.Figure, count: int) -> None:
    bounds = [count - 0.65, -0.85]  # the first step on top, with room above it for its name
    figure.update_yaxes(range=bounds, showticklabels=False, showgrid=False, zeroline=False)
