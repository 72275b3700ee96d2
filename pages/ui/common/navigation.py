"""The pages there are, in the order people need them, and the frame around them."""

import gc
import sys
import threading
import time
from dataclasses import dataclass

# Before any page draws: plotly looks for pandas among the loaded modules, and where the first
# visitors come together it would find one that another visitor's thread has half imported.
import pandas as pd  # noqa: F401
import streamlit as st

from effq_core.base.settings import ASSETS, settle_home
from pages.ui.common.show import flush_toasts, guard
from pages.ui.common.uploaded import bound_uploads, forget_photo, free_left
from pages.ui.experiment.state import keep as keep_form

EVERY = 60.0  # seconds between collections of garbage

_lock = threading.Lock()
_last = time.monotonic()


@dataclass(frozen=True)
class PageCard:
    """One page: its name is its file under ``pages/views`` and part of the address."""

    name: str
    title: str
    icon: str

    @property
    def path(self) -> str:
        """The page's script."""
        return f"pages/views/{self.name}.py"


# One level below pages/, because Streamlit's own discovery runs pages/*.py without this frame until
# the entry has run once. So that the first address a fresh server is asked for works, each page but
# the first has a door there: pages/<name>.py, which does what the entry does.
PAGES = (
    PageCard("overview", "Overview", ":material/home:"),
    PageCard("experiment", "Experiment", ":material/science:"),
    PageCard("results", "Results", ":material/scatter_plot:"),
    PageCard("layers", "Layers", ":material/layers:"),
    PageCard("predictions", "Predictions", ":material/image_search:"),
    PageCard("learn", "Learn", ":material/school:"),
    PageCard("library", "Library", ":material/inventory_2:"),
    PageCard("glossary", "Glossary", ":material/dictionary:"),
)


def run() -> None:
    """Draws the frame and runs the page the address names."""
    if told := settle_home():  # by the first page of this server
        sys.stderr.write(f"{told}\n")
    logo = str(ASSETS / "logo.svg")
    st.set_page_config(page_title="EffQ Studio", page_icon=logo, layout="wide", menu_items={})
    st.logo(logo, size="large")
    pages = [
        st.Page(
            card.path, title=card.title, icon=card.icon, url_path=card.name, default=number == 0
        )
        for number, card in enumerate(PAGES)
    ]
    chosen = st.navigation(pages, position="top")
    keep_form()
    bound_uploads()
    free_left()
    flush_toasts()
    if chosen.url_path != "layers":
        forget_photo()
    with guard():
        chosen.run()
    _collect_now_and_then()


def _collect_now_and_then() -> None:
    """Collects garbage, some 60 ms, if nobody has for a minute: not after every script."""
    global _last
    with _lock:
        now = time.monotonic()
        if now - _last < EVERY:
            return
        _last = now
    gc.collect()
