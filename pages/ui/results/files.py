"""What can be taken from a run: model files, tables, answers, a report."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.csv_table import csv_text
from effq_core.base.errors import EffqError
from effq_core.deliver.export import predictions_rows
from effq_core.deliver.html_report import html_report
from effq_core.experiment.variants import is_ready
from effq_core.results import rows
from pages.ui.common.choose import Source
from pages.ui.common.show import download, escape


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
