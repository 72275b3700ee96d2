"""Adding a folder of photos: pick one below the named roots, look at it, then decide."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.photos.added import add_folder
from effq_core.photos.incoming.preview import Preview
from effq_core.photos.preview import FolderPreview, preview_folder
from effq_core.photos.roots import VARIABLE, Roots
from pages.ui.common import session
from pages.ui.common.show import button, escape, guard, problem, toast

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


_PATH = "library_path"
_PREVIEW = "library_preview"
_STEP = "library_step"
_DOWN = "library_folder_down"


def show_add_folder() -> None:
    """Draws the picker, the preview of what was picked, and the button that adds it."""
    roots = Roots.from_environment()
    for each in roots.refused:
        st.warning(
            f"{VARIABLE} names `{escape(each.text)}`, which is not used: {each.reason}.",
            icon=":material/folder_off:",
        )
    if not roots.folders:
        _how_to_name_roots()
        return
    path = _current(roots)
    _picker(roots, path)
    preview = st.session_state.get(_PREVIEW)
    if isinstance(preview, FolderPreview) and preview.path == path:
        _show_preview(roots, preview)


def _how_to_name_roots() -> None:
    st.markdown(
        f"No folders are named yet, and this dashboard opens only those. Set `{VARIABLE}` before "
        f"starting it; separate several folders by `{os.pathsep}`:"
    )
    st.code(f"{VARIABLE}=/srv/photos{os.pathsep}/home/me/pictures make app", language="sh")
    st.caption(
        "A folder holds one folder of photos for each class, below train/ and val/ or not; or "
        "photos without labels."
    )


def _current(roots: Roots) -> Path:
    """Returns the folder the picker is at; the first root where that is no longer allowed."""
    kept = st.session_state.get(_PATH)
    if kept is not None:
        try:
            return roots.require(kept)
        except EffqError as error:
            problem(error)
    st.session_state[_PATH] = str(roots.folders[0])
    return roots.folders[0]


def _picker(roots: Roots, path: Path) -> None:
    root = roots.root_of(path) or path
    if len(roots.folders) > 1:
        st.selectbox(
            "Start in",
            [str(folder) for folder in roots.folders],
            index=list(roots.folders).index(root),
            key="library_root",
            on_change=lambda: _go(st.session_state["library_root"]),
        )
    st.caption("Folder")
    st.code(str(path), language=None, wrap_lines=True)
    listing = roots.sub_folders(path)
    steps = st.columns([1, 3], vertical_alignment="bottom")
    button(
        "Up",
        "arrow_upward",
        "library_up",
        place=steps[0],
        disabled=path == root,
        on_click=_go,
        args=(str(path.parent),),
        width="stretch",
    )
    # A key of its own for each folder: a choice made in one is none in the next.
    step = f"{_STEP}_{path}"
    steps[1].selectbox(
        "Go into",
        listing.names,
        index=None,
        key=step,
        placeholder="Choose a folder" if listing.names else "No folders in here",
        disabled=not listing.names,
        on_change=lambda: _go(str(path / st.session_state[step])),
        help=tip("data_roots"),
    )
    if listing.more:
        st.caption("Too many folders: some are not listed.")
    if listing.refused:
        st.caption(
            f"{fmt.counted(len(listing.refused), 'link')} out of the named folders left out."
        )
    if button("Look at this folder", "search", "library_look"):
        with guard(), st.spinner("Looking at the photos …"):
            down = bool(st.session_state.get(_DOWN))
            st.session_state[_PREVIEW] = preview_folder(roots, path, one_down=down)


def _go(path: str) -> None:
    st.session_state[_PATH] = path
    st.session_state.pop(_PREVIEW, None)
    st.session_state.pop(_DOWN, None)


def _show_preview(roots: Roots, preview: FolderPreview) -> None:
    classes = fmt.counted(len(preview.classes), "class", "classes")
    splits = "training and evaluation split" if preview.has_splits else "no splits: EffQ makes them"
    facts = [
        fmt.counted(preview.images, "photo"),
        classes if preview.classes else "no labels: accuracy cannot be measured",
        fmt.size(preview.bytes),
        splits,
    ]
    st.markdown(f"**{escape(preview.path.name)}** · {escape(' · '.join(facts))}")
    show_thumbnails(preview, key="library_thumbnails")
    if preview.nested:
        if text := preview.nested.warning(one_down=preview.one_down):
            st.warning(escape(text), icon=":material/warning:")
        down = st.toggle(escape(preview.nested.choice()), preview.one_down, key=_DOWN)
        if down != preview.one_down:
            with guard(), st.spinner("Looking at the photos …"):
                st.session_state[_PREVIEW] = preview_folder(roots, preview.path, one_down=down)
                st.rerun()
            return
    show_classes(preview, key="library_classes")
    show_skipped(preview, key="library_skipped", complete=preview.complete)
    if not preview.complete:
        st.caption("The folder is large: the first run finds duplicates and broken photos.")
    if button(
        "Add to the list",
        "playlist_add",
        "library_add",
        type="primary",
        disabled=not preview.images,
    ):
        with guard():
            added = add_folder(session.home(), roots, preview)
            st.session_state.pop(_PREVIEW, None)
            toast(f"{added.title} was added to the list of photos.")
            st.rerun()
