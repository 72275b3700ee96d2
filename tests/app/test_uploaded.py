"""Uploaded files in the server's memory are bounded when they arrive and freed when unneeded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from effq_core.jobs.limits import Held
from pages.ui.common import uploaded


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Streamlit's own store of files, and a visitor called ``me``."""
    found = SimpleNamespace(uploaded_file_mgr=MemoryUploadedFileManager("/upload"), session_id="me")
    monkeypatch.setattr(uploaded, "FILES", Held(visitor=100, server=150))
    monkeypatch.setattr(uploaded, "_refused", {})
    monkeypatch.setattr(uploaded, "get_script_run_ctx", lambda: found)
    monkeypatch.setattr(uploaded.st, "session_state", {})
    uploaded.bound_uploads()
    uploaded.bound_uploads()  # every page does it again
    return found


def _send(server: SimpleNamespace, visitor: str, file: str, size: int) -> None:
    record = UploadedFileRec(file_id=file, name="a.jpg", type="image/jpeg", data=bytes(size))
    server.uploaded_file_mgr.add_file(session_id=visitor, file=record)


def _kept(server: SimpleNamespace, visitor: str) -> list[str]:
    files = server.uploaded_file_mgr.file_storage.get(visitor, {})
    return sorted(files)


def test_files_beyond_the_bounds_are_refused_and_not_kept(server: SimpleNamespace) -> None:
    _send(server, "me", "1", 90)
    with pytest.raises(HTTPException, match="Your files would take more than") as refused:
        _send(server, "me", "2", 20)
    assert refused.value.status_code == 507
    with pytest.raises(HTTPException, match="busy with 1 upload"):
        _send(server, "you", "1", 70)
    assert (_kept(server, "me"), _kept(server, "you")) == (["1"], [])

    server.uploaded_file_mgr.remove_session_files("me")  # the visitor leaves
    _send(server, "you", "1", 100)
    assert uploaded.FILES.bytes == 100


def test_a_file_that_outlasts_its_visitor_is_not_kept(
    server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"me", "you"}
    instance = SimpleNamespace(is_active_session=here.__contains__)
    found = SimpleNamespace(exists=lambda: True, get_instance=lambda: instance)
    monkeypatch.setattr(uploaded, "runtime", found)
    _send(server, "me", "1", 40)
    here.remove("you")  # while their file was on its way
    with pytest.raises(HTTPException, match="was closed") as refused:
        _send(server, "you", "1", 90)
    assert refused.value.status_code == 410
    assert (_kept(server, "me"), _kept(server, "you")) == (["1"], [])
    assert uploaded.FILES.bytes == 40  # the others' room is free again

    with pytest.raises(HTTPException, match="Your files would"):
        _send(server, "you", "1", 120)
    assert "you" not in uploaded._refused  # nobody will be told


def test_what_an_uploader_no_longer_holds_is_freed(server: SimpleNamespace) -> None:
    state = uploaded.st.session_state
    for file in "123":
        _send(server, "me", file, 30)
    state["uploader_0"] = "its value"
    uploaded.holds("photos", "uploader_0", ["1", "2"])
    uploaded.holds("photos", "uploader_0", ["2"])
    assert _kept(server, "me") == ["2", "3"]

    uploaded.free_left()  # the uploader is still on the page
    assert _kept(server, "me") == ["2", "3"]
    del state["uploader_0"]  # as Streamlit does when its page was left
    uploaded.free_left()
    assert _kept(server, "me") == ["3"]
    assert uploaded.FILES.bytes == 30


def test_where_there_is_no_room_a_page_says_so_before_anybody_sends(
    server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(uploaded, "problem", lambda error: said.append(str(error)))
    monkeypatch.setattr(uploaded, "FILES", Held(visitor=1 << 30, server=3 << 20))

    assert not uploaded.no_room(2, holding=False)
    _send(server, "you", "1", 2 << 20)
    assert uploaded.no_room(2, holding=False)
    assert "busy with 1 upload" in said[0] and "Try again in a moment" in said[0]
    assert not uploaded.no_room(2, holding=True)  # who has sent some can take them away
    with pytest.raises(HTTPException):
        _send(server, "me", "1", 2 << 20)
    assert not uploaded.no_room(2, holding=True)
    assert len(said) == 2  # the refusal is said, once
    assert not uploaded.no_room(2, holding=True)
    assert len(said) == 2
