"""Every number of a run in one table that sorts, and what can be taken from it."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.csv_table import csv_text
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.deliver.bundle import bundle_bytes, bundle_name
from effq_core.deliver.export import predictions_rows
from effq_core.deliver.html_report import html_report
from effq_core.experiment.variants import is_ready
from effq_core.results import rows
from effq_core.results.columns import Column, Group, columns
from pages.ui.common.choose import Source
from pages.ui.common.show import download, escape, pick
from pages.ui.common.tables import show_table
from pages.ui.results.choices import choose_threads

_GROUP = "numbers_group"
_EVERYTHING = "Everything"


def show_numbers(source: Source) -> None:
    """Draws the table and the downloads."""
    results = source.results
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        group = pick(
            "Numbers",
            [*(group.value for group in Group), _EVERYTHING],
            _GROUP,
            Group.ACCURACY.value,
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


def show_bundles(source: Source) -> None:
    """Draws the downloads of all bundles."""
    results = source.results
    if not results.with_files:
        return
    st.subheader("Bundles for devices", anchor=False, help=tip("bundle"))
    st.caption(
        "A zip with the model file, `labels.txt`, a model card and two programs. `classify.py` "
        "answers as this app does, to the last bit. `bench.py` measures latency there; import "
        "its `timings.json` under *Speed*."
    )
    with st.container(horizontal=True):
        for name in results.with_files:
            _download(source, name)


def _download(source: Source, name: str) -> None:
    results = source.results
    variant = results.variants[name]
    try:
        results.model_file(name)
    except EffqError as error:
        st.caption(f":material/file_off: {escape(error.message)}", width="content")
        return
    download(
        f"{name}.zip ({fmt.kib(variant.file.size_bytes)})",
        partial(bundle_bytes, results, name, run=source.title),
        f"{bundle_name(results, name)}.zip",
        key=f"download_bundle_{name}",
        icon=":material/deployed_code:",
        help=f"Everything a device needs to run {escape(variant.title)}.",
    )


def model_download(source: Source, name: str, *, primary: bool = False) -> None:
    """Offers a variant's file, or says why there is none; ``primary`` if people came for it."""
    results = source.results
    variant = results.variants[name]
    try:
        path = results.model_file(name)
    except EffqError as error:
        st.caption(f":material/file_off: {escape(error.message)}", width="content")
        return
    download(
        f"{name}{path.suffix} ({fmt.kib(variant.file.size_bytes)})",
        path.read_bytes,
        f"{name}{path.suffix}",
        key=f"download_{'picked' if primary else 'file'}_{name}",
        type="primary" if primary else "secondary",
    )


def show_files(source: Source) -> None:
    """Draws the downloads of tables, answers and the report."""
    results = source.results
    stem = f"effq-{source.id}"
    with st.container(horizontal=True):
        _button("Table, CSV", lambda: csv_text(rows(results)), f"{stem}.csv")
        _button(
            "Results, JSON",
            lambda: json.dumps(results.plain, ensure_ascii=False, indent=1) + "\n",
            f"{stem}.json",
        )
        if results.baseline.artifact:
            _button(
                "Answers to every photo, CSV",
                lambda: csv_text(predictions_rows(results)),
                f"{stem}-answers.csv",
            )
            _button(
                "Labels, TXT",
                lambda: "".join(f"{label}\n" for label in results.labels()),
                "labels.txt",
            )


def show_report(source: Source) -> None:
    """Draws the download of the report."""
    _button(
        "Report, HTML",
        partial(html_report, source.results, source.title),
        f"effq-{source.id}.html",
        help="One file with every chart and table, about 5 MiB. Opens without a network.",
        type="primary",
    )


def show_models(source: Source) -> None:
    """Draws the downloads of all model files."""
    with st.container(horizontal=True):
        for name in source.results.variants:
            if source.results.variants[name].artifact:
                model_download(source, name)
    without = [name for name, v in source.results.variants.items() if not v.artifact]
    missing = [source.results.variants[name].title for name in without if not is_ready(name)]
    if missing:
        st.caption(
            f"Measured only, no file here: {', '.join(escape(title) for title in missing)}. Run "
            "the same experiment to make the files."
        )


def _button(label: str, data: Callable[[], str], name: str, **more: Any) -> None:
    download(label, data, name, key=f"download_{label}", **more)
