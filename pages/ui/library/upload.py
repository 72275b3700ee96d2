"""Uploading photos: give them, look at what was found, name them."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.photos.incoming.limits import UPLOAD_MIB, VISITORS
from effq_core.photos.incoming.preview import facts, warnings
from effq_core.photos.incoming.upload import Upload, look_at_files
from effq_core.photos.own_photos import LONGEST_NAME
from effq_core.photos.uploads import UPLOAD_TYPES
from pages.ui.common import session
from pages.ui.common.show import button, escape, guard, toast
from pages.ui.common.uploaded import holds, no_room
from pages.ui.library.folder import show_classes, show_skipped, show_thumbnails

_FOUND = "library_upload_found"
_GENERATION = "library_upload_generation"
_NAME = "library_upload_name"
_DOWN = "library_upload_down"


class _Bar:
    def __init__(self) -> None:
        self._bar = st.progress(0.0, text="Reading the files …")

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        share = min(1.0, done / total) if total else 0.0
        self._bar.progress(share, text=f"{fmt.count(done)} of {fmt.count(total)} {unit}")

    def event(self, kind: str, **values: Any) -> None:
        """Nothing is worth a line here."""

    def check_cancelled(self) -> None:
        """Leaving or changing the page ends the script: Streamlit raises in :meth:`progress`."""

    def done(self) -> None:
        self._bar.empty()


def show_add_photos() -> None:
    """Draws the uploader, the preview of what was given, and the button that adds it."""
    # A new key empties the uploader once its files have become a dataset.
    generation = st.session_state.setdefault(_GENERATION, 0)
    key = f"library_upload_{generation}"
    holding = bool(st.session_state.get(key))
    files = st.file_uploader(
        "A zip of photos, or several photos; a CSV of labels may come with them",
        type=("zip", "csv", *UPLOAD_TYPES),
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MIB,
        key=key,
        disabled=no_room(UPLOAD_MIB, holding=holding),
        help=tip("own_photos"),
    )
    st.caption(
        "Labels: one folder for each class in the zip, or a CSV with a file and its label in each "
        "line. Folders train/ and val/ are kept as splits. Photos without labels work too. At "
        f"most {UPLOAD_MIB} MiB and {fmt.count(VISITORS.entries)} files. Nothing is stored before "
        "you add it."
    )
    ids = tuple(file.file_id for file in files)
    holds("photos", key, ids)
    found = _found(ids)
    if found is not None:
        _show(found)
    elif files and button("Look at these photos", "search", "library_upload_look"):
        with guard():
            _look(ids, [(file.name, file.getvalue()) for file in files])


def _found(ids: tuple[str, ...]) -> Upload | None:
    """Returns what was found in these files; of other files it is given up."""
    kept = st.session_state.get(_FOUND)
    if kept is None:
        return None
    of, found = kept
    if of == ids and found.draft.is_open:
        return found  # type: ignore[no-any-return]
    _give_up()
    return None


def _give_up() -> None:
    kept = st.session_state.pop(_FOUND, None)
    if kept is not None:
        kept[1].close()


def _look(ids: tuple[str, ...], files: Sequence[tuple[str, bytes]]) -> None:
    bar = _Bar()
    try:
        found = look_at_files(session.home(), files, bar)
    finally:
        bar.done()
    st.session_state[_FOUND] = (ids, found)
    st.session_state[_NAME] = found.suggested[:LONGEST_NAME]
    st.rerun()


def _look_again(found: Upload, *, one_down: bool) -> None:
    bar = _Bar()
    with guard():
        try:
            other = found.with_classes(one_down=one_down, reporter=bar)
        finally:
            bar.done()
        st.session_state[_FOUND] = (st.session_state[_FOUND][0], other)
        st.rerun()


def _show(found: Upload) -> None:
    preview = found.preview
    st.markdown(f"**Found:** {escape(' · '.join(facts(preview)))}")
    show_thumbnails(preview, key="library_upload_thumbnails")
    for text in warnings(preview):
        st.warning(escape(text), icon=":material/warning:")
    if preview.nested:
        down = st.toggle(escape(preview.nested.choice()), preview.one_down, key=_DOWN)
        if down != preview.one_down:
            _look_again(found, one_down=down)
            return
    show_classes(preview, key="library_upload_classes")
    show_skipped(preview, key="library_upload_skipped")
    drop = False
    if preview.lookalikes:
        drop = st.toggle(
            f"Leave out {fmt.counted(len(preview.lookalikes), 'photo')} that look like another one",
            key="library_upload_drop",
            help=tip("lookalike"),
        )
    name = st.text_input("Name", max_chars=LONGEST_NAME, key=_NAME)
    with st.container(horizontal=True):
        if button(
            "Add these photos",
            "add_photo_alternate",
            "library_upload_add",
            type="primary",
            disabled=not name.strip(),
        ):
            _add(found, name, drop=drop)
        button("Discard", "delete", "library_upload_give_up", on_click=_start_anew)


@guard()
def _add(found: Upload, name: str, *, drop: bool) -> None:
    added = found.add(session.home(), name, drop_lookalikes=drop)
    _start_anew()
    toast(f"{added.title} was added to your photos; choose it for an experiment.")
    st.rerun()


def _start_anew() -> None:
    _give_up()
    st.session_state[_GENERATION] += 1
