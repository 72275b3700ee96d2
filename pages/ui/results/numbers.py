"""Every number of a run in one table that sorts."""

from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base.glossary import tip
from effq_core.results import rows
from effq_core.results.columns import Column, Group, columns
from pages.ui.common.choose import Source
from pages.ui.common.tables import show_table
from pages.ui.results.bundles import show_bundles
from pages.ui.results.choices import choose_threads
from pages.ui.results.files import show_files, show_models, show_report

_GROUP = "numbers_group"
_EVERYTHING = "Everything"


def show_numbers(source: Source) -> None:
    """Draws the table and the downloads."""
    results = source.results
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        group = st.segmented_control(
            "Numbers",
            [*(group.value for group in Group), _EVERYTHING],
            default=Group.ACCURACY.value,
            required=True,
            key=_GROUP,
            wrap=True,
            persist_state="page",
        )
        threads = choose_threads(results) if group == Group.LATENCY.value else 0
    table = rows(results)
    shown = [
        column
        for column in columns(results)
        if (group == _EVERYTHING or column.group.value == group)
        and (not threads or column.threads == threads)
        and any(row[column.name] is not None for row in table)
    ]
    frame = pd.DataFrame(table, columns=["title", *(column.name for column in shown)])
    config: dict[str, Any] = {
        "title": st.column_config.TextColumn("Variant", pinned=True, help=tip("variant")),
        **{column.name: _config(column, wide=group == _EVERYTHING) for column in shown},
    }
    show_table(
        frame,
        {column.name: column.text for column in shown},
        config,
        key=f"numbers_{group}_{threads}",
        alt=f"Table of {len(shown)} measurements of {len(frame)} variants.",
        disturbed={c.name: list(map(c.is_disturbed, table)) for c in shown if c.doubt},
        height="content",
    )
    st.caption("Click a heading to sort; hover over it for what it means.")
    st.subheader("Downloads", anchor=False)
    show_report(source)
    show_models(source)
    show_files(source)
    show_bundles(source)


def _config(column: Column, *, wide: bool) -> Any:
    title = column.title
    if wide and column.threads:
        title = f"{title} ({column.threads} thr.)"
    explained = tip(column.term) if column.term else None
    if column.digits is None:
        return st.column_config.TextColumn(title, help=explained)
    return st.column_config.NumberColumn(title, help=explained)
