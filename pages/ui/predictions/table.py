"""Many photos: what each variant answered, how often it agrees with float32, as a file to keep."""

import base64
import io
from collections.abc import Mapping

import pandas as pd
import streamlit as st
from PIL import Image

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import get_variant
from effq_core.photos.decode import as_rgb
from effq_core.photos.uploads import Pixels
from effq_core.predict.agreement import NOT_THE_SAME, Answered, agreement, answers_csv, verdict
from effq_core.results import Results
from pages.ui.common.show import download

CHOSEN = "predictions_photo"  # key of the photo looked at closely: its id

_TABLE = "predictions_table"
_THUMBNAIL = 48
_DIFFERS = "rgba(213, 94, 0, 0.2)"
"""Behind answers that are not float32's; the mark before them says the same without colour."""


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
