"""int8 taken apart: every int8 variant's difference to float32 with its interval."""

from collections.abc import Sequence

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts import base
from effq_core.experiment.variants import get_variant
from effq_core.learn.recovery import Rung


def recovery_chart(rungs: Sequence[Rung], n: int) -> go.Figure:
    """Draws how each int8 variant does against float32."""
    labelled = rungs[0].is_real is not None
    title = "top-1 minus float32's (points)" if labelled else "same answer as float32 (%)"
    figure = base.new_figure(height=110 + 62 * len(rungs), x_title=title)
    words = []
    for place, rung in enumerate(rungs):
        real = rung.is_real is not False
        text = _text(rung)
        figure.add_scatter(
            x=[rung.middle],
            y=[place],
            mode="markers",
            marker=base.marker(rung.variant, size=13, hollow=not real),
            error_x=base.error_bars(
                [(rung.middle, rung.low, rung.high)],
                color=get_variant(rung.variant).colour,
                thickness=2.5 if real else 1.5,
                width=7,
            ),
            opacity=1 if real else 0.8,
            hovertemplate=f"{get_variant(rung.variant).title}: {text}<extra></extra>",
        )
        base.write(figure, text, x=rung.middle, y=place, yshift=17)
        words.append(f"{get_variant(rung.variant).title} {text}")
    if labelled:
        figure.add_vline(x=0, line={"color": base.MUTED, "width": 1.5, "dash": "dot"})
        base.write_above(figure, "float32", 0, color=base.MUTED)
    figure.update_yaxes(
        tickvals=list(range(len(rungs))),
        ticktext=[get_variant(rung.variant).title.replace(" ", "<br>", 1) for rung in rungs],
        range=[len(rungs) - 0.5, -0.6],
        showgrid=False,
        zeroline=False,
    )
    alt = f"Against float32 on {fmt.counted(n, 'photo')}, with 95 % interval: {'; '.join(words)}."
    return base.describe(figure, alt)


def _text(rung: Rung) -> str:
    if rung.is_real is None:
        return fmt.share_with_interval(rung.middle / 100, rung.low / 100, rung.high / 100)
    verdict = "significant" if rung.is_real else "consistent with chance"
    return f"{fmt.points(rung.middle)} · {verdict}"
