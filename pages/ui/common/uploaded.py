"""Uploaded files in the server's memory: bounded as they arrive, freed when nobody needs them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from effq_core.base.errors import BusyError
from effq_core.jobs.limits import FILES
from pages.ui.common.show import problem

_UPLOADERS = "_uploaded_by"
_MARK = "_effq_bounded"
_NO_ROOM = 507  # "insufficient storage"
_GONE = 410
_refused: dict[str, BusyError] = {}  # by visitor, until their page says so


def bound_uploads() -> None:
    """Makes the server refuse files there is no room for; harmless a second time."""
    context = get_script_run_ctx()
    manager: Any = context.uploaded_file_mgr if context is not None else None
    if manager is None or hasattr(manager, _MARK):
        return
    add, remove, remove_all = manager.add_file, manager.remove_file, manager.remove_session_files

    def add_file(session_id: str, file: Any) -> None:
        try:
            FILES.take(session_id, file.file_id, len(file.data))
        except BusyError as error:
            if _is_here(session_id):
                _refused[session_id] = error
            raise HTTPException(_NO_ROOM, str(error)) from error
        add(session_id=session_id, file=file)
        # Asked only now: who leaves later takes this file along, who left before took the others.
        if not _is_here(session_id):
            remove_file(session_id, file.file_id)
            raise HTTPException(
                _GONE, "The page that uploaded this file was closed. Upload it again."
            )

    def remove_file(session_id: str, file_id: str) -> None:
        remove(session_id=session_id, file_id=file_id)
        FILES.leave(session_id, file_id)

    def remove_session_files(session_id: str) -> None:
        remove_all(session_id)
        FILES.leave(session_id)
        _refused.pop(session_id, None)

    manager.add_file = add_file
    manager.remove_file = remove_file
    manager.remove_session_files = remove_session_files
    setattr(manager, _MARK, True)


def _is_here(visitor: str) -> bool:
    """Returns whether a visitor's page is connected; a long upload may outlast it."""
    return not runtime.exists() or runtime.get_instance().is_active_session(visitor)


def no_room(mib: int, *, holding: bool = False) -> bool:
    """Says where there is no room, to disable the uploader; not if one is ``holding`` some."""
    context = get_script_run_ctx()
    refused = _refused.pop(context.session_id, None) if context is not None else None
    if refused is not None:
        problem(refused)
    if holding or refused is not None:
        return False
    try:
        FILES.check(mib << 20)
    except BusyError as error:
        problem(error)
        return True
    return False


def holds(name: str, widget: str, ids: Sequence[str]) -> None:
    """Notes which files an uploader holds now, and frees those it holds no longer."""
    uploaders: dict[str, tuple[str, tuple[str, ...]]]
    uploaders = st.session_state.setdefault(_UPLOADERS, {})
    _, before = uploaders.get(name, ("", ()))
    free(set(before) - set(ids))
    uploaders[name] = (widget, tuple(ids))


def free_left() -> None:
    """Frees what uploaders held that are no longer on the page: their files can never be used."""
    uploaders = st.session_state.get(_UPLOADERS, {})
    for name, (widget, ids) in list(uploaders.items()):
        if widget not in st.session_state:
            free(ids)
            del uploaders[name]


def free(ids: Sequence[str] | set[str]) -> None:
    """Takes files of this visitor out of the server's memory; unknown ones are no matter."""
    context = get_script_run_ctx()
    if context is None:
        return
    manager: Any = context.uploaded_file_mgr
    for each in ids:
        manager.remove_file(session_id=context.session_id, file_id=each)


_KEPT = "layers_my_photo"
_T = TypeVar("_T")


def mine(what: str, key: tuple[Any, ...], make: Callable[[], _T]) -> _T:
    """Makes a ``what`` for this visitor alone, or returns the latest if it has this ``key``."""
    kept: dict[str, tuple[tuple[Any, ...], Any]] = st.session_state.setdefault(_KEPT, {})
    if what not in kept or kept[what][0] != key:
        kept[what] = key, make()
    found: _T = kept[what][1]
    return found


def forget_photo() -> None:
    """Forgets it all: the photo was taken away, or its page left."""
    st.session_state.pop(_KEPT, None)
