"""What nobody holds any more goes within a minute, and pages do not wait for it each time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pages.ui.common import navigation as garbage
from tests.app.conftest import OpenView


def test_a_page_collects_what_others_have_left_but_not_every_time(
    open_view: OpenView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[float] = []
    # Only what is collected here counts: other libraries may collect whenever they like.
    counting = SimpleNamespace(collect=lambda: collected.append(garbage._last))
    monkeypatch.setattr(garbage, "gc", counting)
    monkeypatch.setattr(garbage, "_last", -garbage.EVERY)

    assert not open_view(tmp_path, "library").exception
    assert len(collected) == 1
    assert not open_view(tmp_path, "learn").exception
    assert len(collected) == 1, "a minute has not gone by"
    monkeypatch.setattr(garbage, "_last", garbage._last - garbage.EVERY)
    open_view(tmp_path, "overview")
    assert len(collected) == 2
