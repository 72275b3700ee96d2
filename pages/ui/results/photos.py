"""Which photos changed? A gallery of the answers that flipped between two variants."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError, EffqError
from effq_core.base.glossary import tip
from effq_core.photos.uploads import enlarged
from effq_core.results import Results
from effq_core.results.pairs import Change, ChangedPhoto
from effq_core.results.photos import EvaluationPhotos, open_photos
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import escape
from pages.ui.common.tables import decimals, show_table
from pages.ui.results import cache as results_cache
from pages.ui.results.choices import choose_pair

PER_PAGE = 24
_WIDTH = 168
_CARD = 202  # the photo and the card's own padding
_NO_BREAK = "\u00a0"
_ALL = "All classes"
_WORDS = {
    Change.WORSE: "got worse",
    Change.BETTER: "got better",
    Change.STILL_WRONG: "wrong both times",
    Change.CHANGED: "changed",
}


def show_photos(source: Source) -> None:
    """Draws the filters and the photos, or a table where the run ships none."""
    st.subheader("Which photos changed?", anchor=False, help=tip("flips"))
    chosen = choose_pair(source.results)
    if chosen is None:
        return
    found = results_cache.changed(source, *chosen)
    n = source.results.baseline.accuracy.n
    if not found:
        st.info(
            f"Both variants give the same answer for all {fmt.counted(n, 'photo')}.",
            icon=":material/check:",
        )
        return
    shown = _filtered(found)
    st.caption(
        f"{fmt.counted(len(shown), 'photo')} of {fmt.count(len(found))} whose answer changed, of "
        f"{fmt.count(n)} in all."
    )
    if not shown:
        return
    try:
        photos = photos_of(source)
    except EffqError as error:
        st.info(f"{escape(error.message)} {escape(error.hint)}", icon=":material/hide_image:")
        _table(source.results, shown, *chosen)
        return
    _gallery(source.results, photos, shown, *chosen)
    if st.toggle("Show as a table", key="photos_table", persist_state="page"):
        _table(source.results, shown, *chosen)


def _filtered(found: Sequence[ChangedPhoto]) -> list[ChangedPhoto]:
    counts = Counter(photo.change for photo in found)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kinds = st.pills(
            "Show",
            [change for change in Change if counts[change]],
            format_func=lambda change: f"{_WORDS[change]} ({fmt.count(counts[change])})",
            selection_mode="multi",
            key="photos_kinds",
            help="Nothing chosen shows all.",
            persist_state="page",
        )
        classes = sorted({photo.truth or photo.first.label for photo in found})
        if st.session_state.get("photos_class") not in (_ALL, *classes):
            st.session_state["photos_class"] = _ALL
        wanted = st.selectbox(
            "True class" if found[0].truth is not None else "Answer before",
            [_ALL, *classes],
            key="photos_class",
            width=240,
            persist_state="page",
        )
    return [
        photo
        for photo in found
        if (not kinds or photo.change in kinds)
        and wanted in (_ALL, photo.truth or photo.first.label)
    ]


@st.cache_resource(show_spinner=False, max_entries=4)
def _photos(store: str, run: str, stamp: str, _results: Results) -> EvaluationPhotos:
    return open_photos(_results, session.home())


def photos_of(source: Source) -> EvaluationPhotos:
    """Returns the photos a run was evaluated on, opened once."""
    return _photos(str(session.home().root), source.id, source.stamp, source.results)


def forget_photos() -> None:
    """Lets go of the photos kept open, so that deleting runs really frees their space."""
    _photos.clear()


def _gallery(
    results: Results,
    photos: EvaluationPhotos,
    shown: Sequence[ChangedPhoto],
    first: str,
    second: str,
) -> None:
    pages = -(-len(shown) // PER_PAGE)
    page = 1
    if pages > 1:
        key = f"photos_page_{first}_{second}_{len(shown)}"
        page = int(st.number_input(f"Page of {pages}", 1, pages, 1, key=key, width=160))
    gone = 0
    titles = results.variants[first].title, results.variants[second].title
    with st.container(horizontal=True, gap="small", key="photos_gallery"):
        for photo in shown[(page - 1) * PER_PAGE : page * PER_PAGE]:
            try:
                pixels = enlarged(photos.photo(photo.row), _WIDTH)
            except DatasetError:
                gone += 1
                continue
            with st.container(border=True, width=_CARD, gap="xsmall"):
                alt = f"Photo of {photo.truth or 'an unknown class'}, {_WORDS[photo.change]}"
                st.image(pixels, width="stretch", output_format="JPEG", alt=alt)
                st.markdown(_caption(photo, *titles))
    if gone:
        st.warning(
            f"{fmt.counted(gone, 'photo')} of this page can no longer be read from the dataset.",
            icon=":material/broken_image:",
        )


def _caption(photo: ChangedPhoto, first: str, second: str) -> str:
    lines = [f"**{escape(_WORDS[photo.change].capitalize())}**"]
    if photo.truth is not None:
        lines.append(f":small[True class: **{escape(photo.truth)}**]")
    for title, answer in ((first, photo.first), (second, photo.second)):
        mark = ""
        if photo.truth is not None:
            mark = f"{_NO_BREAK}✓" if answer.label == photo.truth else f"{_NO_BREAK}✗"
        sure = escape(fmt.percent(answer.confidence, 0)).replace(" ", _NO_BREAK)
        lines.append(f":small[{escape(title)}: {escape(answer.label)}, {sure}{mark}]")
    return "  \n".join(lines)


def _table(results: Results, shown: Sequence[ChangedPhoto], first: str, second: str) -> None:
    before, after = results.variants[first].title, results.variants[second].title
    frame = pd.DataFrame(
        [
            {
                "change": _WORDS[photo.change],
                "truth": photo.truth,
                "first": photo.first.label,
                "first_confidence": 100 * photo.first.confidence,
                "second": photo.second.label,
                "second_confidence": 100 * photo.second.confidence,
                "key": photo.key,
            }
            for photo in shown
        ]
    )
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {
        "change": text("Change", pinned=True),
        "truth": text("True class"),
        "first": text(f"{before} says"),
        "first_confidence": number("Confidence, %", help=tip("confidence")),
        "second": text(f"{after} says"),
        "second_confidence": number("Confidence, %", help=tip("confidence")),
        "key": text("Photo"),
    }
    if shown[0].truth is None:
        del config["truth"]
    texts = dict.fromkeys(("first_confidence", "second_confidence"), decimals(0))
    alt = f"Table of {len(frame)} photos whose answer changed."
    show_table(frame, texts, config, key="photos_frame", alt=alt)
