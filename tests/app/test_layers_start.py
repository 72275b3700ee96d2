"""The Layers page where nobody has looked into a run yet, and the reference run's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.layers.access import EFFECT, SIGNAL
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.app.conftest import OpenView, asked_for, words


@pytest.fixture
def without(copied: Path) -> Path:
    """A store whose runs nobody has looked into."""
    for kind in (SIGNAL, EFFECT):
        shutil.rmtree(copied / "artifacts" / kind)
    return copied


def test_a_run_nobody_has_looked_into_offers_to_with_its_time(
    open_view: OpenView, without: Path, tiny_run: Any, started: list[str]
) -> None:
    app = open_view(without, "layers", tiny_run.run.id)
    assert not app.exception
    assert "This run's layers have not been analysed yet" in words(app)
    assert "cached" in words(app)
    app.number_input(key="layers_images").set_value(20)
    app.number_input(key="layers_budget").set_value(60)
    app.run()
    app.button(key="layers_look").click().run()
    assert not app.exception
    (run_id,) = started
    experiment = asked_for(without, run_id)
    assert experiment == replace(tiny_run.experiment, layers=experiment.layers)
    assert experiment.layers is not None
    assert (experiment.layers.images, experiment.layers.budget_seconds) == (20, 60)
    assert run_id in app.query_params["look"]
    assert "Starting" in str(app.main) or app.button(key="do_cancel")


def test_a_click_soon_after_a_number_was_typed_looks_with_that_number(
    open_view: OpenView, without: Path, tiny_run: Any, started: list[str]
) -> None:
    app = open_view(without, "layers", tiny_run.run.id)
    app.number_input(key="layers_images").set_value(20)
    app.number_input(key="layers_budget").set_value(60)
    app.button(key="layers_look").click().run()  # without the page being drawn in between
    assert not app.exception
    experiment = asked_for(without, started[0])
    assert experiment.layers is not None
    assert (experiment.layers.images, experiment.layers.budget_seconds) == (20, 60)


def test_a_run_under_way_is_followed_without_being_asked_for(
    open_view: OpenView, without: Path, layered_run: Any, tiny_run: Any
) -> None:
    database = Database(without / "effq.sqlite3")
    database.create_run(layered_run.experiment, "somebody else's")
    database.close()
    app = open_view(without, "layers", tiny_run.run.id)
    assert not app.exception
    assert app.button(key="do_cancel")
    assert not [button for button in app.button if button.key == "layers_look"]
    # What leads away from the run belongs to the page of experiments.
    assert not [button for button in app.button if button.key in ("do_change", "do_new")]


def test_a_look_that_failed_says_why_and_can_be_closed(
    open_view: OpenView, without: Path, layered_run: Any, tiny_run: Any
) -> None:
    database = Database(without / "effq.sqlite3")
    run_id = database.create_run(layered_run.experiment, "broken")
    database.set_status(run_id, Status.RUNNING)
    database.set_status(run_id, Status.FAILED, error="The disk is full.", hint="Free some space.")
    database.close()
    app = open_view(without, "layers")
    app.query_params["run"] = tiny_run.run.id
    app.query_params["look"] = run_id
    app.run()
    assert "The disk is full" in words(app)
    app.button(key="layers_dismiss").click().run()
    assert "look" not in app.query_params
    assert "have not been analysed yet" in words(app)


def test_an_address_that_names_no_run_is_ignored(
    open_view: OpenView, without: Path, tiny_run: Any
) -> None:
    app = open_view(without, "layers")
    app.query_params["run"] = tiny_run.run.id
    app.query_params["look"] = "<script>"
    app.run()
    assert not app.exception
    assert "script" not in words(app)


def test_the_reference_run_says_that_its_photos_do_not_ship(
    open_view: OpenView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effq_core.layers.access.REFERENCE_LAYERS", tmp_path / "none")
    app = open_view(tmp_path / "home", "layers", "reference")
    assert not app.exception
    assert "its photos do not come with EffQ" in words(app)


def test_the_reference_run_shows_what_ships_and_offers_remedies_on_a_run_of_ones_own(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path / "home", "layers", "reference")
    assert not app.exception
    said = words(app).replace("\\", "")
    assert "On 1,966 photos int8 is worse than float32 by 0.2 points" in said
    assert "cause only 46 % of the change (23 blocks, each alone in int8" in said
    assert "Choose another run above to try them" in said
    assert "Rescue int8" not in said
    assert not [button for button in app.button if button.key and "mix" in button.key]

    ranked = app.segmented_control(key="layers_inside")
    ranked.set_value("Same part of all").run()
    assert not app.exception
    parts = list(app.dataframe[0].value["name"])
    assert parts == ["residuals", "depthwise", "squeeze_excite"]


def test_a_run_without_int8_says_that_one_is_made_first(
    open_view: OpenView, tiny_run: Any, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = {"float32": tiny_run.results.variants["float32"]}
    results = replace(tiny_run.results, variants=floats, folder=copied / "artifacts")
    monkeypatch.setattr("pages.ui.common.session.results_of", lambda run: results)
    app = open_view(copied, "layers", tiny_run.run.id)
    assert not app.exception
    assert "no int8 file" in words(app)
    assert app.button(key="layers_look")
