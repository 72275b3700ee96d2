"""Measuring again from the results: latencies taken anew, and files on other photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.settings import Home
from effq_core.photos.added import add_folder
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots
from effq_core.results import REFERENCE, Results
from effq_core.store.database import Database
from tests.app.conftest import OpenView
from tests.app.results_page import part, said
from tests.results.run_variations import changed, store_run, together


def test_latencies_can_be_taken_anew_and_the_run_keeps_its_own(
    open_view: OpenView, home: Home, reference: Results, started: list[str]
) -> None:
    own = changed(reference, lambda plain: plain["experiment"].update(dataset="photo_patches"))
    run = store_run(own, home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Speed")
    app.button(key="speed_anew").click().run()

    database = Database(home.database)
    (again,) = [database.get_run(each) for each in started]
    assert again.experiment == {**own.experiment.to_dict(), "sitting": 1}
    assert again.name == "Mine, timed again"
    assert database.get_run(run).results is not None


def test_a_runs_files_can_be_measured_on_other_photos(
    open_view: OpenView,
    home: Home,
    started: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tench", "church"):
        (tmp_path / "new" / name).mkdir(parents=True)
        for shade in (40, 200):
            photo = Image.new("RGB", (40, 40), (shade, len(name), 90))
            photo.save(tmp_path / "new" / name / f"{shade}.png")
    monkeypatch.setenv("EFFQ_DATA_ROOTS", str(tmp_path))
    roots = Roots.from_environment()
    add_folder(home, roots, preview_folder(roots, tmp_path / "new"))
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Is it real?")
    app.selectbox(key="elsewhere_photos").set_value("photo_patches").run()
    app.button(key="elsewhere_start").click().run()
    assert not started, "classes the files do not know are said, and leave no run"
    assert "cannot be measured" in app.error[0].value
    app.selectbox(key="elsewhere_photos").set_value(f"folder:{tmp_path / 'new'}").run()
    app.button(key="elsewhere_start").click().run()
    (run,) = [Database(home.database).get_run(each) for each in started]
    assert run.experiment["files_of"] == REFERENCE


@pytest.mark.parametrize("key", ["head_anew", "pick_anew"])
def test_a_disturbed_timing_recommends_nothing_and_offers_to_time_again(
    open_view: OpenView, home: Home, reference: Results, started: list[str], key: str
) -> None:
    own = changed(reference, lambda plain: plain["experiment"].update(dataset="photo_patches"))
    run = store_run(together(own, {"float32": 0.4}), home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Pick for me")

    text = said(app)
    assert "Time again before choosing" in text and "2.74×" not in text
    app.button(key=key).click().run()
    assert len(started) == 1


def test_a_disturbed_ratio_is_marked_in_the_table_of_speeds(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    run = store_run(together(reference, {"int8": 0.4}), home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Speed")
    assert "Timed on a busy machine: int8" in said(app)


def test_the_reference_run_cannot_be_timed_here(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Speed")
    assert "speed_anew" not in [button.key for button in app.button]
