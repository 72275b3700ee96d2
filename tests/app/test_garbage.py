"""What nobody holds any more goes within a minute, and pages do not wait for it each time."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from pages.ui import garbage
from tests.app.conftest import OpenView


class _Ring:
    def __init__(self) -> None:
        self.itself = self


def test_a_page_collects_what_others_have_left_but_not_every_time(
    open_view: OpenView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "_last", -garbage.EVERY)
    gc.disable()
    try:
        ring = _Ring()
        left = weakref.ref(ring)
        del ring
        open_view(tmp_path, "library")
        assert left() is None
        ring = _Ring()
        left = weakref.ref(ring)
        del ring
        open_view(tmp_path, "library")
        assert left() is not None
    finally:
        gc.enable()
