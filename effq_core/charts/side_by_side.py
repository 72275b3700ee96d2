"""The same quantity of several runs, variant by variant."""

import html
from collections.abc import Callable, Sequence
from enum import StrEnum

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts import base
from effq_core.charts.front import quality_title
from effq_core.experiment.variants import BASELINE, in_catalogue_order
from effq_core.measure.latency import MARK, NOT_TOGETHER
from effq_core.results.document import Results, VariantResult

_ROW = 22
_FRAME = 100


class Quantity(StrEnum):
    """What is compared."""

    QUALITY = "quality"
    DIFFERENCE = "difference"
    SPEEDUP = "speedup"
    LATENCY = "latency"
    SIZE = "size"


_TITLES = {
    Quantity.SIZE: "Size of the file, KiB",
    Quantity.LATENCY: "Median latency with {threads}, ms",
    Quantity.SPEEDUP: "Times as fast as float32 with {threads}",
    Quantity.DIFFERENCE: "Top-1 minus float32, points",
}
_TEXTS: dict[Quantity, Callable[[float], str]] = {
    Quantity.SIZE: lambda value: fmt.kib(1024 * value),
    Quantity.LATENCY: fmt.milliseconds,
    Quantity.SPEEDUP: fmt.ratio,
    Quantity.DIFFERENCE: fmt.points,
    Quantity.QUALITY: lambda value: fmt.percent(value / 100),
}


def letters(count: int) -> list[str]:
    """Names runs A, B, C and so on."""
    return [chr(ord("A") + number) for number in range(count)]


def side_by_side(
    runs: Sequence[Results], quantity: Quantity, *, threads: int = 1
) -> go.Figure | None:
    """Draws a quantity of several runs, named A, B, C in order; ``None`` where none has it."""
    present = in_catalogue_order(name for results in runs for name in results.variants)
    height = _ROW * len(runs) * len(present) + _FRAME
    figure = base.new_figure(height=height, x_title=_title(runs, quantity, threads))
    places: list[float] = []
    labels: list[str] = []
    found: list[str] = []
    row = 0.0
    for name in present:
        for letter, results in zip(letters(len(runs)), runs, strict=True):
            variant = results.variants.get(name)
            value = None if variant is None else _value(results, variant, quantity, threads)
            if variant is None or value is None:
                continue
            doubt = _doubt(results, variant, quantity, threads)
            _add(figure, variant, letter, row, value, quantity, doubt)
            places.append(row)
            mark = MARK if doubt else ""
            labels.append(f"{base.wrapped(variant.title, 40)} <b>{letter}</b>{mark}")
            found.append(f"{variant.title} {letter} {_TEXTS[quantity](value[0])}{mark}")
            row += 1
        row += 0.6
    if not found:
        return None
    figure.update_yaxes(tickvals=places, ticktext=labels, range=[row, -0.8], zeroline=False)
    if quantity is Quantity.DIFFERENCE:
        figure.add_vline(x=0, line={"color": base.MUTED, "width": 1})
    elif quantity is not Quantity.QUALITY:
        figure.update_xaxes(rangemode="tozero", tickformat=",")
    return base.describe(figure, f"{_title(runs, quantity, threads)}: {'; '.join(found)}.")


def _add(
    figure: go.Figure,
    variant: VariantResult,
    letter: str,
    row: float,
    value: tuple[float, float, float],
    quantity: Quantity,
    doubt: str,
) -> None:
    middle, low, high = value
    text = _TEXTS[quantity]
    interval = f" ({text(low)} to {text(high)})" if low < high else ""
    figure.add_scatter(
        x=[middle],
        y=[row],
        error_x=base.error_bars([value], width=4),
        mode="markers",
        marker=base.marker(variant.name, size=10),
        hovertemplate=(
            f"<b>{html.escape(variant.title)}, {letter}</b><br>{text(middle)}{interval}"
            f"<br>{doubt or f'n = {fmt.count(variant.accuracy.n)}'}<extra></extra>"
        ),
    )


def _title(runs: Sequence[Results], quantity: Quantity, threads: int) -> str:
    if quantity is Quantity.QUALITY:
        return f"{' or '.join(dict.fromkeys(quality_title(results) for results in runs))}, %"
    return _TITLES[quantity].format(threads=fmt.counted(threads, "thread"))


def _doubt(results: Results, variant: VariantResult, quantity: Quantity, threads: int) -> str:
    timing, ratio = variant.timing(threads), results.speedup(variant.name, threads)
    if quantity is Quantity.LATENCY and timing is not None and timing.disturbed:
        return "timed on a busy machine"
    if quantity is Quantity.SPEEDUP and ratio is not None and variant.name != BASELINE:
        return (
            "timed on a busy machine" if ratio.disturbed else "" if ratio.together else NOT_TOGETHER
        )
    return ""


def _value(
    results: Results, variant: VariantResult, quantity: Quantity, threads: int
) -> tuple[float, float, float] | None:
    comparison = variant.comparison
    if quantity is Quantity.SIZE:
        size = variant.file.size_kib
        return size, size, size
    if quantity is Quantity.LATENCY:
        timing = variant.timing(threads)
        return None if timing is None else base.median_of(timing)
    if quantity is Quantity.SPEEDUP:
        ratio = results.speedup(variant.name, threads)
        if ratio is None or variant.name == BASELINE:
            return None
        return ratio.times, ratio.low, ratio.high
    if quantity is Quantity.DIFFERENCE:
        if comparison is None or comparison.difference_points is None:
            return None
        low, high = comparison.low_points or 0.0, comparison.high_points or 0.0
        return comparison.difference_points, low, high
    share = variant.accuracy.top1
    if share is None:
        share = comparison.agreement if comparison is not None else None
    return None if share is None else (100 * share.share, 100 * share.low, 100 * share.high)
