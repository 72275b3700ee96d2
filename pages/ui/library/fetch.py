"""A download's controls: start, watch, cancel, go on. The download itself is not the session's."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.care.fetches import (
    Fetch,
    FetchState,
    cancel_fetch,
    dismiss_fetch,
    fetch_of,
    start_fetch,
)
from effq_core.care.library import partial_bytes
from pages.ui.common import session
from pages.ui.common.show import button, escape, guard, toast

_EVERY = 0.5
_STARTED = "library_started_"


def show_fetch(item: str, size: str) -> None:
    """Draws what one can do about something that is not there yet; ``size`` is for people."""
    fetch = fetch_of(session.home(), item)
    active = fetch is not None and fetch.state.is_active
    # One timer, and only while there is something to watch.
    st.fragment(_panel, run_every=_EVERY if active else None)(item, size, active)


@guard()  # it runs alone: the page's own guard is not around it
def _panel(item: str, size: str, was_active: bool) -> None:
    fetch = fetch_of(session.home(), item)
    active = fetch is not None and fetch.state.is_active
    if was_active and not active:
        if fetch is not None and fetch.state is FetchState.FINISHED:
            toast("Downloaded and checked.", icon=":material/download_done:")
        st.rerun()  # the whole page: the card says something else now
    if st.session_state.pop(_STARTED + item, False):
        st.rerun()  # the whole page, too: this fragment has no timer yet
    if fetch is not None and active:
        st.progress(fetch.share or 0.0, text=_how_far(fetch))
        button("Cancel", "stop_circle", f"library_cancel_{item}", on_click=_cancel, args=(item,))
    else:
        _offer(item, size, fetch)


def _how_far(fetch: Fetch) -> str:
    if not fetch.total:
        return escape(fetch.note or "Connecting …")
    parts = [f"{fmt.size(fetch.done)} of {fmt.size(fetch.total)}"]
    if fetch.is_stalled:
        parts.append("waiting for the network")
    elif fetch.rate:
        parts += [f"{fmt.size(fetch.rate)}/s", fmt.left(fetch.seconds_left)]
    if fetch.note:
        parts.insert(0, fetch.note)
    return escape(" · ".join(parts))


def _offer(item: str, size: str, fetch: Fetch | None) -> None:
    arrived = partial_bytes(session.home(), item)
    if fetch is not None and fetch.state is FetchState.FAILED:
        st.error(f"**{escape(fetch.error)}**\n\n{escape(fetch.hint)}", icon=":material/cloud_off:")
    if arrived:
        st.caption(f"{fmt.size(arrived)} have been downloaded and are kept.")
    label = "Resume download" if arrived else f"Download {size}".strip()
    button(
        label, "download", f"library_download_{item}", type="primary", on_click=_start, args=(item,)
    )


@guard()
def _start(item: str) -> None:
    dismiss_fetch(session.home(), item)
    start_fetch(session.home(), item)
    st.session_state[_STARTED + item] = True


@guard()
def _cancel(item: str) -> None:
    cancel_fetch(session.home(), item)
    toast("The download stops; the part downloaded is kept.", icon=":material/stop_circle:")
