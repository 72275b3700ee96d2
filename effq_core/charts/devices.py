"""Latency of the same files on other devices, beside the machine the run was measured on."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from effq_core.base import formatting as fmt
from effq_core.charts.base import MUTED, describe, error_bars, median_of, new_figure, wrapped
from effq_core.devices.timing_file import DeviceReport, DeviceTiming
from effq_core.experiment.variants import get_variant
from effq_core.measure.latency import LatencyReport
from effq_core.results.document import Results, VariantResult

HOST = "run's host"  # what the run's own machine is called beside devices with names

_ROW = 64  # pixels a bar and its label of up to four lines take
_FRAME = 84
_PALE = 0.3
_LABEL = 22  # characters of a device's name on a line


@dataclass(frozen=True)
class _Bar:
    variant: VariantResult
    device: str
    cpu: str
    timing: LatencyReport | DeviceTiming
    is_host: bool

    @property
    def disturbance(self) -> str:
        """Says what speaks against the timing; empty where nothing is known to."""
        timing = self.timing
        if isinstance(timing, DeviceTiming):
            return timing.disturbance if timing.disturbed else ""
        return timing.warning


def devices(
    results: Results, reports: Mapping[str, Sequence[DeviceReport]], threads: int
) -> go.Figure | None:
    """Draws median latencies of variants timed elsewhere, there and here; ``None``: untimed."""
    bars = _bars(results, reports, threads)
    if all(bar.is_host for bar in bars):
        return None
    about = fmt.counted(threads, "thread")
    figure = new_figure(height=_ROW * len(bars) + _FRAME, x_title=f"Median with {about}, ms")
    # Positions, not names, are the categories: two devices may be called alike.
    figure.add_bar(
        x=[bar.timing.median_ms for bar in bars],
        y=list(range(len(bars))),
        orientation="h",
        marker={
            # Filled or pale with an outline: the labels name the machine, colour only repeats it.
            "color": [_fill(bar) for bar in bars],
            "line": {"color": [get_variant(bar.variant.name).colour for bar in bars], "width": 2},
        },
        error_x=error_bars((median_of(bar.timing) for bar in bars), color=MUTED),
        hovertext=[_hover(bar) for bar in bars],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # The numbers stand in the labels: beside a bar they would cover its interval.
    tickvals = list(range(len(bars)))
    figure.update_yaxes(tickvals=tickvals, ticktext=[_label(b) for b in bars], autorange="reversed")
    figure.update_xaxes(rangemode="tozero")
    found = "; ".join(
        f"{bar.variant.title} on {bar.device} {fmt.milliseconds(bar.timing.median_ms)}"
        f"{' (disturbed)' if bar.disturbance else ''}"
        for bar in bars
    )
    return describe(figure, f"Median latency with {about}: {found}.")


def _bars(
    results: Results, reports: Mapping[str, Sequence[DeviceReport]], threads: int
) -> list[_Bar]:
    bars = []
    for name, variant in results.variants.items():
        latest: dict[str, DeviceReport] = {}
        for report in reports.get(name, ()):
            if report.timing(threads) is not None:
                latest.setdefault(report.device, report)
        if not latest:
            continue
        own = variant.timing(threads)
        if own is not None:
            bars.append(_Bar(variant, HOST, results.hardware.cpu, own, True))
        for device, report in latest.items():
            timing = report.timing(threads)
            if timing is not None:
                bars.append(_Bar(variant, device, report.cpu, timing, False))
    return bars


def _fill(bar: _Bar) -> str:
    red, green, blue = hex_to_rgb(get_variant(bar.variant.name).colour)
    return f"rgba({red}, {green}, {blue}, {1 if bar.is_host else _PALE})"


def _label(bar: _Bar) -> str:
    return (
        f"<b>{wrapped(bar.variant.title, _LABEL)}</b><br>{wrapped(bar.device, _LABEL)}<br>"
        f"{'⚠ ' if bar.disturbance else ''}{fmt.milliseconds(bar.timing.median_ms)}"
    )


def _hover(bar: _Bar) -> str:
    timing = bar.timing
    n = timing.n if isinstance(timing, DeviceTiming) else len(timing.samples_ms)
    low, high = fmt.milliseconds(timing.median_low_ms), fmt.milliseconds(timing.median_high_ms)
    lines = [
        f"<b>{html.escape(bar.variant.title)}</b>, {html.escape(bar.device)}",
        html.escape(bar.cpu),
        f"median {fmt.milliseconds(timing.median_ms)} ({low} to {high})",
        f"mean {fmt.milliseconds(timing.mean_ms)}, 90 % within {fmt.milliseconds(timing.p90_ms)}, "
        f"99 % within {fmt.milliseconds(timing.p99_ms)}",
        f"cold start {fmt.milliseconds(timing.cold_start_ms)}",
        f"n = {fmt.count(n)} after {fmt.count(timing.warmup)} to warm up",
    ]
    if bar.disturbance:
        lines.append(f"⚠ {html.escape(bar.disturbance)}")
    return "<br>".join(lines)
