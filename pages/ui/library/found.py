"""What was found in photos that may be added: some of them, classes, what would be left out."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.photos.incoming.preview import Preview
from effq_core.photos.preview import FolderPreview
from pages.ui.common.show import escape

_ROWS = 8
_MOST_SKIPPED = 200
_ROW_PIXELS, _FRAME_PIXELS = 33, 3


def height_of(rows: int, most: int = _ROWS) -> int:
    """Returns the pixels a table takes, of which the rows beyond ``most`` are scrolled to."""
    return _ROW_PIXELS * (min(rows, most) + 1) + _FRAME_PIXELS


def show_thumbnails(preview: FolderPreview | Preview, *, key: str) -> None:
    """Draws some of the photos."""
    with st.container(horizontal=True, gap="small", key=key):
        for each in preview.thumbnails:
            alt = f"A photo of {each.label}" if each.label else "One of the photos"
            st.image(each.jpeg, caption=escape(each.label) or None, width=92, alt=alt)


def show_classes(preview: FolderPreview | Preview, *, key: str) -> None:
    """Lists the classes with their photos, if there are any."""
    if not preview.classes:
        return
    table: dict[str, list[Any]] = {
        "Class": [each.name for each in preview.classes],
        "Photos": [each.images for each in preview.classes],
    }
    if preview.has_splits:
        table["Training"] = [each.training for each in preview.classes]
        table["Evaluation"] = [each.evaluation for each in preview.classes]
    _table(table, key, "Photos of each class")


def show_skipped(preview: FolderPreview | Preview, *, key: str, complete: bool = True) -> None:
    """Lists the files that would be left out; of a large folder not all are known yet."""
    count = len(preview.skipped)
    if not count:
        st.caption("Every file can be used." if complete else "No problem found so far.")
        return
    st.markdown(f"**{fmt.counted(count, 'file')} would be left out:**")
    shown = preview.skipped[:_MOST_SKIPPED]
    table = {"File": [each.key for each in shown], "Why": [each.reason for each in shown]}
    _table(table, key, "Files that would be left out, and why")
    if count > _MOST_SKIPPED:
        st.caption(f"The first {fmt.count(_MOST_SKIPPED)} are shown.")


def _table(columns: Mapping[str, list[Any]], key: str, alt: str) -> None:
    frame = pd.DataFrame(columns)
    st.dataframe(frame, hide_index=True, height=height_of(len(frame)), key=key, alt=alt)
