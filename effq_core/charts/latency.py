"""Latency: how timed invocations are distributed, how steady they were, and what threads give."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts import base
from effq_core.experiment.variants import get_variant
from effq_core.measure.latency import LatencyReport
from effq_core.results.document import Results, VariantResult

MOST_SAMPLES = 1000  # samples drawn of one variant; of more, as many evenly spaced quantiles

_ROW = 52
_FRAME = 120


def distribution(results: Results, threads: int) -> go.Figure:
    """Draws the timed invocations: quartiles, whiskers of 1.5 box widths, dots, mean and p99."""
    timed = _timed(results, threads)
    height = _ROW * max(1, len(timed)) + _FRAME
    x_title = f"One invocation with {fmt.counted(threads, 'thread')}, ms"
    figure = base.new_figure(height=height, x_title=x_title, legend="foot")
    for variant, timing in timed:
        figure.add_box(
            x=thinned(timing.samples_ms),
            y=[base.wrapped(variant.title)] * len(thinned(timing.samples_ms)),
            orientation="h",
            name=html.escape(variant.title),
            marker={"color": get_variant(variant.name).colour, "size": 4, "opacity": 0.6},
            boxpoints="outliers",
            showlegend=False,
            hoverinfo="skip",
        )
    names = [base.wrapped(variant.title) for variant, _ in timed]
    hover = [_hover(variant, timing) for variant, timing in timed]
    for name, symbol, values in (
        ("mean (the paper's measure)", "diamond", [timing.mean_ms for _, timing in timed]),
        ("99th percentile", "line-ns", [timing.p99_ms for _, timing in timed]),
    ):
        figure.add_scatter(
            x=values,
            y=names,
            mode="markers",
            name=name,
            marker={
                "symbol": symbol,
                "size": 10 if symbol == "diamond" else 18,
                "color": base.MUTED,
                "line": {"width": 2, "color": base.MUTED},
            },
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    found = "; ".join(
        f"{variant.title} median {fmt.milliseconds(timing.median_ms)}, 99th percentile "
        f"{fmt.milliseconds(timing.p99_ms)}"
        for variant, timing in timed
    )
    return base.describe(figure, f"Latency with {fmt.counted(threads, 'thread')}: {found}.")


def steadiness(results: Results, threads: int, names: Sequence[str]) -> go.Figure:
    """Draws the timed invocations in their order: a step or a drift tells of a busy machine."""
    y_title = f"With {fmt.counted(threads, 'thread')}, ms"
    figure = base.new_figure(
        height=340, x_title="Timed invocation, in order", y_title=y_title, legend=True
    )
    shown = [(v, t) for v, t in _timed(results, threads) if v.name in names]
    for number, (variant, timing) in enumerate(shown):
        step = max(1, len(timing.samples_ms) // MOST_SAMPLES)
        title = html.escape(variant.title)
        figure.add_scatter(
            x=list(range(1, len(timing.samples_ms) + 1, step)),
            y=timing.samples_ms[::step],
            mode="lines",
            name=title,
            line={
                "color": get_variant(variant.name).colour,
                "width": 1.5,
                "dash": ("solid", "dash", "dot", "dashdot")[number % 4],
            },
            hovertemplate=f"%{{y:.3g}} ms, invocation %{{x}}<extra>{title}</extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    found = "; ".join(
        f"{variant.title} {fmt.milliseconds(timing.min_ms)} to "
        f"{fmt.milliseconds(max(timing.samples_ms))}, standard deviation "
        f"{fmt.milliseconds(timing.std_ms)}"
        for variant, timing in shown
    )
    return base.describe(figure, f"Timed invocations in their order: {found}.")


def thread_scaling(results: Results) -> go.Figure:
    """Draws the median latency of every variant against the thread count, with 95 % intervals."""
    figure = base.new_figure(
        height=400, x_title="Threads", y_title="Median latency, ms", legend="foot"
    )
    found = []
    for variant in results.variants.values():
        timings, title = variant.latency, html.escape(variant.title)
        figure.add_scatter(
            x=[timing.threads for timing in timings],
            y=[timing.median_ms for timing in timings],
            error_y=base.error_bars(base.median_of(timing) for timing in timings),
            mode="lines+markers",
            name=title,
            marker=base.marker(variant.name, size=10),
            line={"color": get_variant(variant.name).colour, "width": 1.5},
            hovertemplate=f"%{{y:.3g}} ms with %{{x}} threads<extra>{title}</extra>",
        )
        times = ", ".join(f"{fmt.milliseconds(t.median_ms)} with {t.threads}" for t in timings)
        found.append(f"{variant.title} {times}")
    figure.update_xaxes(tickvals=list(results.threads))
    figure.update_yaxes(rangemode="tozero")
    return base.describe(figure, f"Median latency by threads: {'; '.join(found)}.")


def thinned(samples: Sequence[float], most: int = MOST_SAMPLES) -> list[float]:
    """Reduces many samples to evenly spaced quantiles, smallest and largest included."""
    if len(samples) <= most:
        return list(samples)
    values: list[float] = np.quantile(samples, np.linspace(0, 1, most)).tolist()
    return values


def _timed(results: Results, threads: int) -> list[tuple[VariantResult, LatencyReport]]:
    found = ((variant, variant.timing(threads)) for variant in results.variants.values())
    return [(variant, timing) for variant, timing in found if timing is not None]


def _hover(variant: VariantResult, timing: LatencyReport) -> str:
    lines = [
        f"<b>{html.escape(variant.title)}</b>",
        f"median {fmt.milliseconds(timing.median_ms)} "
        f"({fmt.milliseconds(timing.median_low_ms)} to {fmt.milliseconds(timing.median_high_ms)})",
        f"mean {fmt.milliseconds(timing.mean_ms)}, 90 % within {fmt.milliseconds(timing.p90_ms)}, "
        f"99 % within {fmt.milliseconds(timing.p99_ms)}",
        f"n = {fmt.count(len(timing.samples_ms))} after {fmt.count(timing.warmup)} to warm up",
    ]
    if timing.disturbed:
        lines.append("measured on a busy machine")
    return "<br>".join(lines)
