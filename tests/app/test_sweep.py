"""Sweeps on the pages: chosen in the form, followed while they run, read in the results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from effq_core.base.settings import Home
from effq_core.experiment import Calibration
from effq_core.results import Results, load_reference
from effq_core.store.database import Database
from effq_core.store.rows import Status
from effq_core.sweeps.state import SweepState, create_sweep, list_sweeps, save
from effq_core.sweeps.sweep import Sweep
from tests.app.conftest import OpenView, button_of, words
from tests.results.run_variations import changed, only, store_run


def _sweep(home: Home, database: Database, base: Any, sizes: tuple[int, ...]) -> SweepState:
    return create_sweep(home, database, Sweep(base=base, calibration_sizes=sizes), "mine")


def test_the_form_says_how_many_runs_a_sweep_has_and_starts_it_once(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    assert "Choose two or more values of a setting" in words(app)
    app.multiselect(key="sweep_sizes").set_value([50, 200])
    app.multiselect(key="sweep_methods").set_value(["min_max", "percentile"]).run()
    app.segmented_control(key="sweep_seeds").set_value(3).run()
    assert not app.exception and not app.error
    said = words(app)
    assert "**12 runs**" in said and "3 seeds" in said
    assert "93 distinct stages of 216" in said and "on one worker" in said
    assert "Variants: float32, int8" in said.replace("\\", "")

    button_of(app, "Run the sweep").click().run()
    assert not app.exception
    home = Home(tmp_path)
    database = Database(home.database)
    [(run, state)] = list_sweeps(home, database)
    assert started == [run.id] and run.id in app.query_params["run"]
    assert state.sweep.runs == 12 and state.sweep.values["seeds"] == (42, 43, 44)
    assert [each.id for each in database.list_runs()] == [run.id], (
        "runs come when they are finished"
    )
    database.close()
    assert "0 of 12 runs finished" in words(app)


def test_a_click_soon_after_a_value_was_chosen_runs_the_sweep_with_it(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.multiselect(key="sweep_sizes").set_value([50, 200]).run()
    app.multiselect(key="sweep_sizes").set_value([20, 100])
    app.number_input(key="exp_seed").set_value(7)
    button_of(app, "Run the sweep").click().run()  # without the page being drawn in between
    assert not app.exception and len(started) == 1
    home = Home(tmp_path)
    database = Database(home.database)
    [(_, state)] = list_sweeps(home, database)
    database.close()
    assert (state.sweep.values["calibration_sizes"], state.sweep.base.seed) == ((20, 100), 7)


def test_what_nothing_depends_on_or_is_too_much_is_said(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    app.checkbox(key="exp_variant_int8_qat").uncheck()
    app.multiselect(key="sweep_epochs").set_value([1, 2]).run()
    assert "No chosen variant depends on the numbers of epochs" in words(app)
    assert button_of(app, "Run the sweep").disabled


def test_a_sweep_that_was_stopped_shows_what_it_has_found(
    open_view: OpenView, tmp_path: Path, tiny_run: Any
) -> None:
    home = Home(tmp_path)
    home.artifacts.symlink_to(tiny_run.home.artifacts)
    database = Database(home.database)
    state = _sweep(home, database, tiny_run.experiment, (20, 50))
    prefix = "evaluate:"
    stages = Database(tiny_run.home.database).stages(tiny_run.run.id)
    made = {
        stage.name.removeprefix(prefix): stage.fingerprint
        for stage in stages
        if stage.name.startswith(prefix)
    }
    state.evaluations = [{name: made[name] for name in ("float32", "int8")}]
    state.failed = {1: ("There are no such photos.", "")}
    save(home, state)
    database.set_status(state.id, Status.CANCELLED)
    database.close()

    app = open_view(tmp_path, "experiment", run=state.id)
    assert not app.exception and not app.error
    assert "0 of 2 runs finished" in words(app)
    [table] = [each.value for each in app.dataframe if "Against float32" in each.value]
    assert list(table["Variant"]) == ["int8", "failed: There are no such photos."]
    top1 = tiny_run.results.variants["int8"].accuracy.top1
    assert table["Top-1 (95 %)"][0].startswith(f"{100 * top1.share:.1f} %")
    assert button_of(app, "Resume")


def _member(reference: Results, size: int) -> Results:
    def change(plain: dict[str, Any]) -> None:
        plain["experiment"]["calibration"]["size"] = size

    return changed(only(reference, "float32", "int8"), change)


def test_the_results_of_a_sweep_say_what_it_comes_to(open_view: OpenView, tmp_path: Path) -> None:
    reference, home = load_reference(), Home(tmp_path)
    database = Database(home.database)
    base = replace(
        reference.experiment, variants=("float32", "int8"), calibration=Calibration(size=20)
    )
    state = _sweep(home, database, base, (20, 200))
    state.runs = {
        place: store_run(_member(reference, size), home, f"mine {size}")
        for place, size in enumerate((20, 200))
    }
    save(home, state)
    database.set_status(state.id, Status.FINISHED)
    database.close()

    app = open_view(tmp_path, "overview")
    listed = [button.label for button in app.button if str(button.key).startswith("open_")]
    assert len(listed) == 1 and "mine" in listed[0], "a sweep stands for its runs"
    app = open_view(tmp_path, "results")
    app.query_params["sweep"] = state.id
    app.run()
    assert not app.exception and not app.error
    said = words(app).replace("\\", "")
    assert "2 calibration sizes: 2 of 2 runs finished" in said
    assert "From 20 calibration photos on, the least tried, top-1 changes only as much as" in said
    assert "there is no difference (n = 1,966, 1 seed)" in said
    assert "sign-flip test" in said
    assert [button.label for button in app.get("download_button")] == [
        "Every run (CSV)",
        "Every number (JSON)",
    ]
    app.query_params["sweep"] = "20260101-000000-abcd"
    app.run()
    assert "There is no sweep" in words(app) and not app.exception
