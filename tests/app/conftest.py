"""Opening pages without a browser, each on a store of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ENTRY = Path(__file__).resolve().parents[2] / "streamlit_app.py"

OpenView = Callable[..., AppTest]


def words(app: AppTest) -> str:
    """Everything a page says."""
    parts = [
        *(*app.title, *app.subheader, *app.markdown, *app.caption),
        *(*app.success, *app.info, *app.warning, *app.error),
    ]
    return "\n".join(str(part.value) for part in parts)


@pytest.fixture
def open_view(monkeypatch: pytest.MonkeyPatch) -> OpenView:
    def opened(home: Path, view: str = "overview", run: str | list[str] = "") -> AppTest:
        monkeypatch.setenv("EFFQ_HOME", str(home))
        st.cache_resource.clear()
        st.cache_data.clear()
        app = AppTest.from_file(ENTRY, default_timeout=60)
        if view != "overview":
            app.switch_page(f"pages/views/{view}.py")
        if run:
            app.query_params["run"] = run
        return app.run()

    return opened


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs that were started; no driver is: that is for the browser's tests."""
    runs: list[str] = []

    def start(home: Any, run_id: str) -> int:
        runs.append(run_id)
        return 0

    monkeypatch.setattr("effq_core.pipeline.control.start_detached", start)
    return runs
