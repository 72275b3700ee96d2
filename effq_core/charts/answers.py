"""What one variant answers to a photo, as bars."""

import html
from typing import Any

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.charts.base import GRID, describe, new_figure, shortened
from effq_core.experiment.variants import get_variant
from effq_core.predict.variant_answers import Answer

_ROW = 38  # pixels of a class: a line of text above its bar
_LABEL_LENGTH = 24  # longer names would run into the numbers; the hover text has them whole


def answer_bars(answer: Answer, *, rows: int = 5) -> go.Figure:
    """Draws the most probable classes of one variant, best first, with room for ``rows``."""
    variant = get_variant(answer.variant)
    guesses = answer.guesses[:rows]
    places = list(range(len(guesses)))
    shared = {"type": "bar", "y": places, "orientation": "h", "width": 0.2}
    track = {"x": [1.0] * len(guesses), "marker": {"color": GRID}, "hoverinfo": "skip", **shared}
    bars = {
        "x": [g.probability for g in guesses],
        "marker": {"color": variant.colour},
        "customdata": [f"{html.escape(g.label)}: {fmt.percent(g.probability)}" for g in guesses],
        "hovertemplate": "%{customdata}<extra></extra>",
        **shared,
    }
    texts: list[dict[str, Any]] = []
    for place, guess in zip(places, guesses, strict=True):
        label = shortened(guess.label, _LABEL_LENGTH)
        at = {"y": place, "yshift": 13, "showarrow": False}
        text = f"<b>{label}</b>" if place == 0 else label
        texts.append({"x": 0, "xanchor": "left", "text": text, **at})
        texts.append({"x": 1, "xanchor": "right", "text": fmt.percent(guess.probability), **at})
    figure = new_figure(height=_ROW * rows + 8)
    figure.add_traces([track, bars])
    # One update, not one for each text: five such charts are drawn for every photo.
    figure.update_layout(
        barmode="overlay",
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        annotations=texts,
        xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
        yaxis={"visible": False, "range": [rows - 0.6, -0.75], "fixedrange": True},
    )
    best = ", ".join(f"{guess.label} {fmt.percent(guess.probability)}" for guess in guesses)
    return describe(figure, f"{variant.title}, most probable classes: {best}.")
