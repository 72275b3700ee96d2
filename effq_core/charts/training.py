"""Fine-tuning: loss and held-out accuracy, epoch by epoch."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.base.intervals import proportion
from effq_core.charts.base import describe, error_bars, marker, new_figure
from effq_core.experiment.variants import get_variant

_HEIGHT = 360

History = Sequence[Mapping[str, Any]]
"""One entry an epoch, from 0 (before training): ``epoch``, ``loss``, ``validation_loss``,
``validation_top1`` (0–1; ``None`` without labels) and ``n``, the held-out photos."""


def losses(histories: Mapping[str, History], *, epochs: int | None = None) -> go.Figure:
    """Draws the losses of trainings by variant: held-out drawn through, training dashed."""
    figure = _by_epoch("Loss", histories, epochs)
    found = []
    for name, history in histories.items():
        variant = get_variant(name)
        for key, dash, what in (
            ("validation_loss", "solid", "held-out photos"),
            ("loss", "dash", "training photos"),
        ):
            points = [(entry["epoch"], entry[key]) for entry in history if entry[key] is not None]
            figure.add_scatter(
                x=[epoch for epoch, _ in points],
                y=[value for _, value in points],
                mode="lines+markers",
                name=f"{html.escape(variant.title)}, {what}",
                line={"color": variant.colour, "dash": dash, "width": 2},
                marker=marker(name, size=8, hollow=key == "loss"),
                hovertemplate=f"%{{y:.4f}} on {what}, epoch %{{x}}<extra></extra>",
            )
        if history:
            found.append(
                f"{variant.title}: held-out loss {fmt.plain(history[0]['validation_loss'])} before "
                f"training, {fmt.plain(history[-1]['validation_loss'])} after "
                f"{fmt.counted(int(history[-1]['epoch']), 'epoch')}"
            )
    return describe(figure, f"Loss by epoch. {'; '.join(found)}.")


def held_out_accuracy(
    histories: Mapping[str, History], *, epochs: int | None = None
) -> go.Figure | None:
    """Draws top-1 on the held-out photos with its 95 % intervals; ``None`` without labels."""
    figure = _by_epoch("Top-1 on held-out photos, %", histories, epochs)
    found = []
    for number, (name, history) in enumerate(histories.items()):
        variant = get_variant(name)
        entries = [entry for entry in history if entry["validation_top1"] is not None]
        if not entries:
            continue
        shares = [proportion(round(e["validation_top1"] * e["n"]), e["n"]) for e in entries]
        figure.add_scatter(
            # Side by side, so that the intervals of two trainings can both be read.
            x=[e["epoch"] + 0.04 * number for e in entries],
            y=[100 * s.share for s in shares],
            error_y=error_bars(
                ((100 * s.share, 100 * s.low, 100 * s.high) for s in shares), width=4
            ),
            mode="lines+markers",
            name=html.escape(variant.title),
            line={"color": variant.colour, "width": 2},
            marker=marker(name, size=9),
            hovertext=[
                f"{fmt.share_with_interval(s.share, s.low, s.high)}, n = "
                f"{fmt.count(s.n)}, epoch {e['epoch']}"
                for s, e in zip(shares, entries, strict=True)
            ],
            hovertemplate="%{hovertext}<extra>" + html.escape(variant.title) + "</extra>",
        )
        found.append(
            f"{variant.title}: {fmt.percent(shares[0].share)} before training, "
            f"{fmt.percent(shares[-1].share)} after epoch {entries[-1]['epoch']}"
        )
    if not found:
        return None
    return describe(figure, f"Top-1 on held-out photos by epoch. {'; '.join(found)}.")


def _by_epoch(y_title: str, histories: Mapping[str, History], epochs: int | None) -> go.Figure:
    figure = new_figure(
        height=_HEIGHT, x_title="Epoch (0: before training)", y_title=y_title, legend="foot"
    )
    last = max((entry["epoch"] for history in histories.values() for entry in history), default=0)
    last = max(last, epochs or 0)
    step = max(1, -(-int(last) // 10))
    figure.update_xaxes(tickvals=list(range(0, int(last) + 1, step)), range=[-0.2, last + 0.3])
    return figure
