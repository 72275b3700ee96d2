"""The Library's cards: one a model, one a dataset; downloads, which are not the session's."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.base.settings import ASSETS
from effq_core.care.fetches import (
    Fetch,
    FetchState,
    cancel_fetch,
    dismiss_fetch,
    fetch_of,
    start_fetch,
)
from effq_core.care.library import dependents, partial_bytes, remove_item
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import MODELS
from effq_core.models.own.card import OwnCard, is_own, own_models
from effq_core.photos import imagenette
from effq_core.photos.catalogue import DatasetCard, Origin
from effq_core.photos.own_photos import PREFIX as PHOTOS_PREFIX
from effq_core.results.wording import run_title
from effq_core.store.usage import tree_size
from pages.ui.common import session
from pages.ui.common.ask import cells
from pages.ui.common.show import button, escape, guard, toast
from pages.ui.library.model import own_facts

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


_Card = TypeVar("_Card")
_Colour = Literal["green", "gray", "orange"]
_Badge = tuple[str, str, _Colour]  # text, icon and colour
_MOST_NAMED = 5


def show_models() -> None:
    """Draws a card for each model."""
    _grid((*MODELS.values(), *own_models(session.home())), _model)


def show_datasets(cards: Sequence[DatasetCard]) -> None:
    """Draws a card for each dataset."""
    _grid(cards, _dataset)


def _grid(cards: Sequence[_Card], draw: Callable[[_Card], None]) -> None:
    for card, cell in zip(cards, cells(3), strict=False):
        with cell, st.container(border=True, height="stretch"):
            draw(card)


def _model(card: ModelCard) -> None:
    home = session.home()
    present = card.is_present(home)
    _title(card.title, _model_badge(card, present))
    st.markdown(escape(card.summary))
    folder = ASSETS / "weights" if card.bundled else home.models
    size = tree_size(folder / card.weights.file) if present else None
    classes = fmt.counted(len(card.head_labels), "class", "classes")
    facts = [classes, f"{card.image_input.short} input"]
    _facts([*facts, f"{fmt.size(size)} on disk"] if present else facts, card)
    if card.bundled:
        return
    if isinstance(card, OwnCard):
        own_facts(card)
    if present:
        _remove_button(card.id, card.title, "Remove")
    else:
        show_fetch(card.id, "28 MiB")


def _dataset(card: DatasetCard) -> None:
    _title(card.title, _dataset_badge(card))
    st.markdown(escape(card.summary))
    labels = fmt.counted(card.classes, "class", "classes") if card.classes else "no labels"
    size = [f"{fmt.size(card.bytes_on_disk)} on disk"] * card.is_present
    _facts([labels, *size], card)
    if card.origin is Origin.FOLDER:
        _remove_button(card.id, card.title, "Remove from the list")
    elif card.origin is Origin.OWN or (card.origin is Origin.DOWNLOAD and card.is_present):
        _remove_button(card.id, card.title, "Remove")
    elif card.origin is Origin.DOWNLOAD:
        show_fetch(card.id, f"{imagenette.MEBIBYTES} MiB")


def _title(title: str, badge: _Badge) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape(title)}**", width="content")
        label, icon, colour = badge
        st.badge(label, icon=icon, color=colour)


def _model_badge(card: ModelCard, present: bool) -> _Badge:
    if isinstance(card, OwnCard):
        return "Yours", ":material/person:", "green"
    if card.bundled:
        return "Bundled", ":material/inventory_2:", "green"
    if present:
        return "Downloaded", ":material/check:", "green"
    return "Not here yet", ":material/cloud:", "gray"


def _dataset_badge(card: DatasetCard) -> _Badge:
    if card.origin is Origin.BUILT_IN:
        return "Built in", ":material/inventory_2:", "green"
    if card.origin is Origin.OWN:
        return "Your photos", ":material/photo_library:", "green"
    if card.origin is Origin.FOLDER:
        if not card.is_present:
            return "Gone", ":material/folder_off:", "orange"
        return "Your folder", ":material/folder:", "green"
    if card.is_present:
        return "Downloaded", ":material/check:", "green"
    return "Not here yet", ":material/cloud:", "gray"


def _facts(facts: Sequence[str], card: ModelCard | DatasetCard) -> None:
    st.markdown(escape(" · ".join(facts)))
    st.caption(f"Licence: {escape(card.licence)}  \nFrom: {escape(card.source)}")


def _remove_button(item: str, title: str, label: str) -> None:
    st.button(
        label,
        icon=":material/delete:" if label == "Remove" else ":material/playlist_remove:",
        key=f"library_remove_{item}",
        on_click=_ask,
        args=(item, title),
        help=tip("remove_folder") if label != "Remove" else None,
    )


@st.dialog("Remove this?", icon=":material/delete:")
def _ask(item: str, title: str) -> None:
    folder, own = item.startswith("folder:"), item.startswith(PHOTOS_PREFIX)
    st.markdown(f"**{escape(title)}**")
    runs = dependents(session.database(), item)
    if runs:
        named = "\n".join(f"- {escape(run_title(run))}" for run in runs[:_MOST_NAMED])
        more = len(runs) - _MOST_NAMED
        named += f"\n- and {fmt.count(more)} more" if more > 0 else ""
        again = "adding it again" if folder or own or is_own(item) else "downloading it again"
        st.markdown(
            f"{fmt.counted(len(runs), 'run')} used it. Their results stay; running one of them "
            f"again, or resuming it, needs {again}.\n\n{named}"
        )
    else:
        st.markdown("No run has used it.")
    if folder:
        st.markdown("It is only removed from the list; the folder and its photos stay.")
    if own:
        st.markdown("These photos are deleted from this machine. This cannot be undone.")
    with st.container(horizontal=True):
        if st.button(
            "Remove from the list" if folder else "Remove", type="primary", key="remove_yes"
        ):
            with guard():
                remove_item(session.home(), session.database(), item)
                toast(
                    f"{title} was removed." if not folder else f"{title} was removed from the list."
                )
                st.rerun()
        if st.button("Keep it", key="remove_no"):
            st.rerun()
