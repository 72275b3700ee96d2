"""What every variant says: of one photo side by side, of many in a table and a file."""

import base64
import io
import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st
from PIL import Image

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.answers import answer_bars
from effq_core.experiment.variants import get_variant
from effq_core.models.samples import Sample
from effq_core.photos.decode import as_rgb
from effq_core.photos.image_input import GREY, Resize
from effq_core.photos.uploads import Pixels, enlarged
from effq_core.predict.agreement import (
    NOT_THE_SAME,
    Answered,
    agreement,
    answers_csv,
    sentence,
    verdict,
)
from effq_core.predict.variant_answers import Answer
from effq_core.results import Results
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, download, escape
from pages.ui.predictions.model import THREADS

_IN_A_ROW = 5
_SEEN_SIDE = 224  # how large the model's own view is drawn, in pixels


def show_answers(answered: Answered, *, sample: Sample | None, classes: int) -> None:
    """Draws a photo, what the model sees of it, and what every variant says."""
    differs = bool(answered.differing)
    st.subheader(escape(answered.photo.name), anchor=False)
    icon = ":material/call_split:" if differs else ":material/check_circle:"
    st.markdown(f"{icon} {escape(sentence(answered))}")
    if sample is not None and not sample.shows:
        st.info(
            f"This sample shows none of the {fmt.count(classes)} classes this model knows, but it "
            "must name one. Compare the variants with each other, not with the photo.",
            icon=":material/help:",
        )
    left, right = st.columns([1, 4.4], gap="medium")
    with left:
        _photo(answered, sample)
    with right:
        answers = answered.answers
        rows = math.ceil(len(answers) / _IN_A_ROW)
        width = math.ceil(len(answers) / rows)
        for start in range(0, len(answers), width):
            columns = st.columns(width, gap="medium")
            for column, answer in zip(columns, answers[start : start + width], strict=False):
                with column:
                    _answer(answer)
        st.caption(
            f"All {fmt.counted(len(answers), 'variant')} together: "
            f"{fmt.milliseconds(answered.ms)}. These are single timings with "
            f"{fmt.counted(THREADS, 'thread')} on a computer that may be busy. The Results page "
            "has careful measurements."
        )


def _photo(answered: Answered, sample: Sample | None) -> None:
    photo = answered.photo
    size = photo.pixels.shape[0]
    seen = enlarged(photo.pixels, _SEEN_SIDE)
    st.image(seen, width=seen.shape[0], output_format="PNG")
    grey = ", grey" if photo.pixels.shape[-1] == GREY else ""
    st.caption(f"The model sees {fmt.count(size)} × {fmt.count(size)} px{grey}", help=tip("crop"))
    cut = ""
    if photo.width != photo.height:
        st.image(photo.preview, width=min(photo.preview.shape[1], _SEEN_SIDE))
        stretched = photo.resize is Resize.STRETCH
        cut = "; stretched to a square" if stretched else "; the darkened parts are cut off"
    st.caption(f"The photo: {fmt.count(photo.width)} × {fmt.count(photo.height)} px{cut}")
    if sample is not None:
        st.caption(escape(sample.credit))


def _answer(answer: Answer) -> None:
    variant = get_variant(answer.variant)
    st.markdown(f"**{escape(variant.title)}**", help=variant.summary)
    if answer.agrees is None:
        st.badge("baseline", icon=":material/flag:", color="gray", help=tip("float32"))
    elif answer.agrees:
        st.badge("same as float32", icon=":material/check:", color="green")
    else:
        st.badge("differs from float32", icon=":material/close:", color="red")
    chart(remembered(answer_bars, answer), key=f"predictions_bars_{answer.variant}")
    confidence = fmt.percent(answer.guesses[0].probability)
    st.caption(f"Confidence {confidence} · {fmt.milliseconds(answer.ms)}", help=tip("live_latency"))


CHOSEN = "predictions_photo"  # key of the photo looked at closely: its id

_TABLE = "predictions_table"
_THUMBNAIL = 48
_DIFFERS = "rgba(213, 94, 0, 0.2)"  # answers unlike float32's; the mark says it without colour


def show_table(answered: Mapping[str, Answered], results: Results) -> None:
    """Draws the agreement rates and the table of all photos, by their ids, 2 or more."""
    _rates(list(answered.values()), results)
    ids = list(answered)
    names = list(next(iter(answered.values())).answers)
    table = pd.DataFrame(
        [
            {
                "photo": each.photo.name,
                "seen": _thumbnail(each.photo.pixels),
                **{answer.variant: verdict(answer) for answer in each.answers},
            }
            for each in answered.values()
        ]
    )
    columns = {
        "photo": st.column_config.TextColumn("Photo", width="small", pinned=True),
        "seen": st.column_config.ImageColumn("Seen", width="small"),
    } | {
        answer.variant: st.column_config.TextColumn(get_variant(answer.variant).title)
        for answer in names
    }

    def tint(cell: str) -> str:
        return f"background-color: {_DIFFERS}" if cell.startswith(NOT_THE_SAME) else ""

    st.dataframe(
        table.style.map(tint, subset=[answer.variant for answer in names]),
        hide_index=True,
        column_config=columns,
        key=_TABLE,
        on_select=lambda: _choose(ids),
        selection_mode="single-row",
        row_height=_THUMBNAIL,
        height=min(len(ids), 8) * _THUMBNAIL + 36,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("✓ same class as float32, ≠ another class. Select a row to see its photo below.")
        text = answers_csv(list(answered.values()))
        download("Download answers (CSV)", text, "predictions.csv", key="predictions_csv")


def _rates(answered: list[Answered], results: Results) -> None:
    shares = agreement(answered)
    if not shares:
        return
    st.markdown("**Agreement with float32**", help=f"{tip('agreement')} {tip('interval')}")
    lines = ["| Variant | On these photos | In the run's evaluation |", "|---|---|---|"]
    for name, share in shares.items():
        here = fmt.share_with_interval(share.share, share.low, share.high)
        comparison = results.variants[name].comparison
        there = fmt.NOTHING
        if comparison is not None:
            own = comparison.agreement
            there = f"{fmt.percent(own.share)} of {fmt.counted(own.n, 'photo')}"
        lines.append(
            f"| {get_variant(name).title} | {fmt.count(share.k)} of {fmt.count(share.n)}: {here} "
            f"| {there} |"
        )
    st.markdown("\n".join(lines))


def _choose(ids: list[str]) -> None:
    rows = st.session_state[_TABLE]["selection"]["rows"]
    if rows and rows[0] < len(ids):
        st.session_state[CHOSEN] = ids[rows[0]]


def _thumbnail(pixels: Pixels) -> str:
    picture = io.BytesIO()
    small = Image.fromarray(as_rgb(pixels)).resize(
        (_THUMBNAIL, _THUMBNAIL), Image.Resampling.BICUBIC
    )
    small.save(picture, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(picture.getvalue()).decode()}"
