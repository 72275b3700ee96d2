"""Differences with their intervals: is what one sees more than chance?"""

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.charts.base import MUTED, describe, error_bars, marker, new_figure, wrapped
from effq_core.measure.statistics import MARGIN_POINTS, Comparison
from effq_core.results.document import Results

_ROW = 44
_FRAME = 90


def against_float32(results: Results) -> go.Figure | None:
    """Draws differences from float32, paired 95 % intervals; ``None`` without any or labels."""
    rows = [
        (variant.name, variant.title, variant.comparison)
        for variant in results.variants.values()
        if variant.comparison is not None and variant.comparison.difference_points is not None
    ]
    return _forest(rows, "Top-1 minus float32's, points") if rows else None


def _forest(rows: Sequence[tuple[str, str, Comparison]], x_title: str) -> go.Figure:
    figure = new_figure(height=_ROW * len(rows) + _FRAME, x_title=x_title)
    x0 = -MARGIN_POINTS
    figure.add_vrect(x0=x0, x1=MARGIN_POINTS, fillcolor="rgba(128, 128, 128, 0.12)", line_width=0)
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    for name, title, comparison in rows:
        middle = comparison.difference_points or 0.0
        low, high = comparison.low_points or 0.0, comparison.high_points or 0.0
        p = 1.0 if comparison.p is None else comparison.p
        figure.add_scatter(
            x=[middle],
            y=[wrapped(title, 18)],
            error_x=error_bars([(middle, low, high)], width=5),
            mode="markers",
            marker=marker(name, size=12, hollow=p >= SIGNIFICANCE),
            hovertemplate=(
                f"<b>{html.escape(title)}</b><br>{fmt.points(middle)} "
                f"({fmt.points_interval(low, high)})<br>{fmt.count(comparison.worse)} worse, "
                f"{fmt.count(comparison.better)} better, {fmt.p_value(comparison.p)}, "
                f"n = {fmt.count(comparison.n)}<extra></extra>"
            ),
        )
    figure.update_yaxes(autorange="reversed")
    # The band must be seen as a band, however small the differences are.
    reach = max(
        [1.4 * MARGIN_POINTS]
        + [1.08 * abs(end or 0.0) for _, _, c in rows for end in (c.low_points, c.high_points)]
    )
    figure.update_xaxes(range=[-reach, reach])
    found = "; ".join(
        f"{t} {fmt.points(c.difference_points)} ({fmt.p_value(c.p)})" for _, t, c in rows
    )
    return describe(figure, f"Difference in top-1 to float32 on the same photos: {found}.")
