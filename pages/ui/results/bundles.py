"""Each variant as one zip for a device that has no EffQ."""

from functools import partial

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.deliver.bundle import bundle_bytes, bundle_name
from pages.ui.common.choose import Source
from pages.ui.common.show import download, escape


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
