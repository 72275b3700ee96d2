"""One photo and every variant's answer, side by side."""

import math

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.answers import answer_bars
from effq_core.experiment.variants import get_variant
from effq_core.models.samples import Sample
from effq_core.photos.image_input import GREY, Resize
from effq_core.photos.uploads import enlarged
from effq_core.predict.agreement import Answered, sentence
from effq_core.predict.variant_answers import Answer
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, escape
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
