"""The Library's first line: what takes space, and what could be given back at once."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.store.removal import free_unused
from effq_core.store.usage import take_inventory, usage
from pages.ui.common import session
from pages.ui.common.show import button, guard, toast
from pages.ui.results.photos import forget_photos

_METRIC_PIXELS = 160


def show_space() -> None:
    """Draws the sizes of the store's parts, and offers to free what no run uses."""
    home = session.home()
    used = usage(home, take_inventory(home, session.database()))
    with st.container(horizontal=True):  # and not columns: two beside each other on a phone
        for label, size, help_ in (
            ("Results of runs", used.artifacts, tip("artifact")),
            ("Stored photos", used.datasets, None),
            ("Stored models", used.models, None),
            ("Free on this disk", used.free, None),
        ):
            st.metric(label, fmt.size(size), help=help_, width=_METRIC_PIXELS)
    with st.container(horizontal=True, vertical_alignment="center"):
        if used.unused:
            button(
                f"Free {fmt.size(used.unused)} that no run uses",
                "cleaning_services",
                "library_free",
                help=tip("unused"),
                on_click=_free,
            )
        else:
            st.caption("Nothing to free: everything in the store belongs to a run.")


def _free() -> None:
    with guard():
        freed = free_unused(session.home(), session.database())
        forget_photos()
        toast(f"{fmt.size(freed)} freed.")
