"""The dashboard's connection to the index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.repair import rebuild
from pages.ui.common import session


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("EFFQ_HOME", str(tmp_path / "home"))
    st.cache_resource.clear()
    yield Home.from_environment()
    st.cache_resource.clear()


def test_all_sessions_share_one_connection(home: Home) -> None:
    first = session.database()  # also where there was no index yet
    assert session.database() is first
    first.create_run(Experiment())
    assert session.database() is first


def test_a_repair_is_seen_by_a_dashboard_that_goes_on(home: Home) -> None:
    first = session.database()
    run = first.create_run(Experiment())
    for side in ("-wal", "-shm"):
        home.database.with_name(home.database.name + side).unlink()
    home.database.write_bytes(b"no database" * 999)
    assert rebuild(home.database, ArtifactStore(home)).moved is not None

    assert [each.id for each in session.runs()] == [run]
    other = Database(home.database)
    later = other.create_run(Experiment(seed=2))
    other.close()
    assert {each.id for each in session.runs()} == {run, later}
    assert session.database() is not first


def test_an_index_that_was_removed_comes_back(home: Home) -> None:
    run = session.database().create_run(Experiment())
    for path in home.root.glob("effq.sqlite3*"):
        path.unlink()
    assert [each.id for each in session.runs()] == [run]
