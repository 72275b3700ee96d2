"""Opening pages without a browser, each on a store of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.results import Results, load_reference
from effq_core.store.database import Database

ENTRY = Path(__file__).resolve().parents[2] / "streamlit_app.py"

OpenView = Callable[..., AppTest]


def words(app: AppTest) -> str:
    """Everything a page says."""
    parts = [
        *(*app.title, *app.subheader, *app.markdown, *app.caption),
        *(*app.success, *app.info, *app.warning, *app.error),
    ]
    return "\n".join(str(part.value) for part in parts)


def button_of(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def asked_for(home: Path, run_id: str) -> Experiment:
    database = Database(home / "effq.sqlite3")
    try:
        return Experiment.from_dict(database.get_run(run_id).experiment)
    finally:
        database.close()


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


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty store."""
    made = Home(tmp_path / "home")
    made.root.mkdir()
    return made


@pytest.fixture(scope="session")
def reference() -> Results:
    return load_reference()


@pytest.fixture
def copied(layered_run: Any, tmp_path: Path) -> Path:
    """A copy of the store in which somebody has looked into the layers."""
    home = tmp_path / "home"
    shutil.copytree(layered_run.home.root, home)
    return home


@pytest.fixture
def layers(open_view: OpenView, layered_run: Any) -> AppTest:
    return open_view(layered_run.home.root, "layers", layered_run.run.id)
