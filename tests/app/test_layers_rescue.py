"""The part of the Layers page that rescues int8: drawn, started, followed to its end."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.jobs.process import process_token
from effq_core.rescue.request import Remedy, Rescue
from effq_core.rescue.story import StepState, files_of, save, stories
from effq_core.store.rows import Status
from tests.app.conftest import words
from tests.rescue.rescue_stories import BAD, CLIPPED, step, story


@pytest.fixture
def home(tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A store whose index is a copy and whose artifacts are the tiny run's own."""
    made = Home(tmp_path / "home")
    made.root.mkdir()
    for path in tiny_run.home.root.glob("effq.sqlite3*"):
        shutil.copyfile(path, made.root / path.name)
    made.artifacts.symlink_to(tiny_run.home.artifacts)
    monkeypatch.setenv("EFFQ_HOME", str(made.root))
    st.cache_resource.clear()
    st.cache_data.clear()
    return made


def _part() -> None:
    from pages.ui.common import session
    from pages.ui.common.choose import Source
    from pages.ui.common.show import guard
    from pages.ui.layers.rescue import rescue_part

    run = session.runs()[0]
    with guard():
        rescue_part(Source(run.id, "tiny", session.results_of(run)))


def drawn() -> AppTest:
    app = AppTest.from_function(_part, default_timeout=60).run()
    assert not app.exception
    assert not app.error
    return app


def test_every_remedy_is_offered_with_its_cost_and_one_that_cannot_apply_says_why(
    home: Home,
) -> None:
    boxes = {box.key: box for box in drawn().checkbox}
    assert list(boxes) == [f"rescue_{remedy}" for remedy in Remedy]
    # The tiny run is calibrated by the percentile that would be tried.
    assert "already" in boxes["rescue_percentile"].label
    assert not boxes["rescue_percentile"].value
    assert "about" in boxes["rescue_mixed"].label
    assert boxes["rescue_mixed"].value


def test_a_rescue_is_started_followed_and_told(home: Home) -> None:
    app = drawn()
    app.number_input(key="rescue_drop").set_value(50.0)
    app.button(key="do_rescue").click().run()
    assert not app.exception
    deadline = time.monotonic() + 60
    while not (found := stories(home)) or found[0].status.is_active:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    text = words(drawn())
    assert "Finished" in text
    assert "nothing needs rescuing" in text
    [told] = found
    assert told.met is not None
    assert told.rescue.remedies == tuple(r for r in Remedy if r is not Remedy.PERCENTILE)


def test_a_told_story_has_its_steps_charts_downloads_and_verdict(home: Home, tiny_run) -> None:
    save(home, _about(tiny_run.experiment, story(BAD, CLIPPED)))
    app = drawn()
    assert "meets the limit" in words(app)
    assert len(app.get("plotly_chart")) == 2
    assert [button.label for button in app.get("download_button")] == [
        "Report (Markdown)",
        "Story (JSON)",
    ]
    table = app.dataframe[0].value
    assert list(table["State"]) == ["Not enough", "Limit met"]
    assert "Results" not in table, "runs that were deleted are no links"


def test_a_story_is_not_deleted_by_one_click(home: Home, tiny_run) -> None:
    save(home, _about(tiny_run.experiment, story(BAD, CLIPPED)))
    app = drawn()
    app.button(key="do_rescue_delete").click().run()
    assert not app.exception
    assert app.button(key="rescue_delete_yes").label == "Delete"
    assert len(stories(home)) == 1


def test_a_story_under_way_shows_how_far_it_is_and_can_be_cancelled(home: Home, tiny_run) -> None:
    running = step(Remedy.MIXED, None, StepState.RUNNING, run=tiny_run.run.id, started=time.time())
    told = replace(
        _about(tiny_run.experiment, story(BAD, running, status=Status.RUNNING)),
        ahead=((Remedy.MIXED, 300.0), (Remedy.QAT, 900.0)),
        pid=os.getpid(),
        token=process_token(os.getpid()),
    )
    save(home, told)
    app = drawn()
    assert "more than the 0.3 points allowed" in words(app).replace("\\", "")
    [bar] = app.get("progress")
    assert "Worst blocks in floats" in bar.proto.text
    assert "at most 15 min more" in bar.proto.text
    assert not app.checkbox, "one rescue of a run at a time"
    app.button(key="do_rescue_cancel").click().run()
    assert not app.exception
    assert files_of(home, told.id).is_asked_to_stop


def _about(experiment, told):
    return replace(told, rescue=Rescue(experiment=experiment, max_drop_points=0.3))
