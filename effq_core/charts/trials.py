"""The files a search tried: accuracy against size, with the limits they had to hold."""

import html
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from effq_core.base import formatting as fmt
from effq_core.base.intervals import Proportion
from effq_core.charts import base
from effq_core.experiment.variants import BASELINE, PTQ, get_variant
from effq_core.layers.trial_record import Suggestion, TrialRecord

HEIGHT = 340
_REFUSED = "#b45309"


@dataclass(frozen=True)
class Standing:
    """How a trial stands, in a word and as a symbol."""

    word: str
    mark: str


def standing(found: Suggestion, place: int) -> Standing:
    """Returns how a trial stands."""
    if place == found.chosen:
        return Standing("chosen", "★") if found.met else Standing("nearest", "☆")
    if place == 0:
        return Standing("int8", "▲")
    return Standing("holds", "✓") if found.trials[place].ok else Standing("refused", "✗")


def share_of(trial: TrialRecord) -> Proportion:
    """Returns what a trial is judged by: top-1, or agreement with float32 without labels."""
    return trial.top1 or trial.agreement


def what_of(trial: TrialRecord) -> str:
    """Says what a file consists of, where it is not int8 itself."""
    if trial.widths:
        return trial.what
    return f"{trial.what} in floats" if trial.keep else "nothing in floats: int8 itself"


def trials_chart(found: Suggestion) -> go.Figure:
    """Draws every trial of a search; each marker carries its number in the table."""
    what = "Top-1" if found.labelled else "float32's answer"
    figure = base.new_figure(height=HEIGHT, x_title="Size of the file, KiB", y_title=f"{what}, %")
    for place, trial in enumerate(found.trials):
        _add(figure, found, trial, place, what)
    _limits(figure, found)
    _scale(figure, found)
    return base.describe(figure, _alt(found, what))


def _add(figure: go.Figure, found: Suggestion, trial: TrialRecord, place: int, what: str) -> None:
    share, how = share_of(trial), standing(found, place)
    look = {
        "int8": base.marker(PTQ, size=13),
        "chosen": base.marker(found.variant, size=17) | {"symbol": "star"},
        "nearest": base.marker(found.variant, size=15)
        | {"symbol": "star-open", "line": {"width": 2}},
        "holds": base.marker(found.variant, size=11),
        "refused": {"symbol": "x", "size": 9, "color": _REFUSED},
    }[how.word]
    made = what_of(trial)
    colour = get_variant(PTQ if place == 0 else found.variant).colour
    figure.add_scatter(
        x=[trial.size_bytes / fmt.KIB],
        y=[100 * share.share],
        error_y=base.error_bars(
            [(100 * share.share, 100 * share.low, 100 * share.high)],
            color=colour if how.word != "refused" else base.MUTED,
            thickness=1.4 if how.word != "refused" else 0.8,
            width=3,
        ),
        mode="markers+text",
        marker=look,
        text=[str(place)],
        textposition="middle right",
        textfont={"size": 11},
        customdata=[place],
        hovertemplate=(
            f"<b>{place}: {how.word}</b><br>{html.escape(made)}<br>"
            f"{fmt.kib(trial.size_bytes)}, {fmt.percent(abs(trial.extra_size) / 100)} "
            f"{'larger' if trial.extra_size >= 0 else 'smaller'} than int8"
            f"<br>{what} {fmt.share_with_interval(share.share, share.low, share.high)}, "
            f"n = {fmt.count(trial.n)}<br>{trial.time.text} int8's time"
            "<extra></extra>"
        ),
    )


def _limits(figure: go.Figure, found: Suggestion) -> None:
    """Draws float32 as a line, as its size would press all else together, and the limits."""
    line = {"width": 1.2, "dash": "dot", "color": base.MUTED}
    # Labels end 4 pixels before the line there.
    left_of: dict[str, Any] = {"xanchor": "right", "xshift": -4, "size": 11}
    edge = found.int8.size_bytes / fmt.KIB * (1 + found.max_extra_size / 100)
    if found.float32_top1 is not None:
        top = 100 * found.float32_top1.share
        figure.add_hline(y=top, line={"width": 1.4, "color": get_variant(BASELINE).colour})
        text = f"float32 {fmt.percent(top / 100)}"
        base.write(figure, text, x=edge, y=top, yanchor="bottom", **left_of)
    else:
        top = 100.0
    if found.max_drop_points is not None:
        floor = top - found.max_drop_points
        figure.add_hline(y=floor, line=line)
        text = f"limit {fmt.percent(floor / 100)}"
        base.write(figure, text, x=edge, y=floor, yanchor="top", **left_of)
    figure.add_vline(x=edge, line=line)
    base.write_above(figure, f"limit {fmt.kib(edge * fmt.KIB)}", edge, xanchor="right", size=11)


def _scale(figure: go.Figure, found: Suggestion) -> None:
    sizes = [trial.size_bytes / fmt.KIB for trial in found.trials]
    sizes.append(sizes[0] * (1 + found.max_extra_size / 100))
    room = 0.06 * (max(sizes) - min(sizes)) or 1.0
    figure.update_xaxes(range=[min(sizes) - room, max(sizes) + 1.4 * room], tickformat=",")


def _alt(found: Suggestion, what: str) -> str:
    chosen, int8 = found.choice, found.int8
    return (
        f"{fmt.counted(len(found.trials), 'file')} tried. int8: {fmt.kib(int8.size_bytes)}, "
        f"{what} {fmt.percent(share_of(int8).share)}. Taken: {what_of(chosen)}, "
        f"{fmt.kib(chosen.size_bytes)}, {what} {fmt.percent(share_of(chosen).share)}"
        f"{'' if found.met else '; it does not hold every limit'}."
    )
