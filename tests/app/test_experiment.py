"""The experiment page: choosing, and every state a run can be in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from effq_core.base.glossary import tip
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.setting import walk
from effq_core.experiment.variants import CATALOGUE
from effq_core.jobs.process import Process
from effq_core.pipeline.context import TIME_NOW, WAITING_QUIET
from effq_core.pipeline.queue_turn import queue_text
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState, Status
from pages.ui.experiment.state import setting_key, variant_key
from tests.app.conftest import OpenView, words


def _run(home: Path, status: Status, **values: Any) -> str:
    database = Database(home / "effq.sqlite3")
    run_id = database.create_run(Experiment(), "my run")
    database.upsert_stages(
        [
            StageRow(
                run_id=run_id,
                name="index",
                kind="index",
                fingerprint="a" * 64,
                state=StageState.DONE,
                started=100.0,
                finished=103.0,
            ),
            StageRow(
                run_id=run_id,
                name="finetune:int8_qat",
                kind="finetune",
                fingerprint="b" * 64,
                position=1,
                state=StageState.RUNNING if status.is_active else StageState.FAILED,
                done=3,
                total=10,
                unit="images",
                weight=9.0,
                started=103.0,
            ),
        ]
    )
    for epoch in range(2):
        database.add_event(
            run_id,
            "epoch",
            "finetune:int8_qat",
            epoch=epoch,
            loss=None if epoch == 0 else 0.5,
            validation_loss=0.6,
            validation_top1=0.7,
            n=20,
        )
    database.set_status(run_id, status, started=100.0, **values)
    database.close()
    return run_id


def _button(app: AppTest, label: str) -> Any:
    return next(button for button in app.button if button.label == label)


def test_the_form_starts_with_the_demo_and_says_what_it_takes(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    assert not app.exception and not app.error
    said = words(app)
    assert "0 of 29 stages cached" in said
    assert "Photos: 100 to calibrate, 600 to train, 600 to measure" in said
    assert "3,850 photos" in said
    assert not _button(app, "Run").disabled


def test_a_variants_help_says_how_its_weights_are_rounded(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    said = f"**Rounding rule:** nearest. {tip('rounding')}"
    assert said in app.checkbox(key="exp_variant_int8").help
    assert "Rounding" not in app.checkbox(key="exp_variant_float16").help


def test_every_setting_is_asked_for(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    app.checkbox(key="exp_variant_int8_mixed").check().run()
    drawn = {
        widget.key
        for kind in ("slider", "selectbox", "number_input", "multiselect", "text_input", "checkbox")
        for widget in app.get(kind)
    }
    asked = {setting_key(each) for each in walk(Experiment) if each.title and each.part != "layers"}
    assert len(asked) > 18 and asked <= drawn
    assert {"exp_model", "exp_dataset"} | set(map(variant_key, CATALOGUE)) <= drawn


def test_what_the_form_does_not_ask_for_of_a_run_is_kept(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    earlier = Experiment(benchmark_invocations=200, qat=Qat(validation_share=0.2, batch_size=24))
    database = Database(tmp_path / "effq.sqlite3")
    run_id = database.create_run(earlier)
    database.set_status(run_id, Status.CANCELLED)
    app = open_view(tmp_path, "experiment", run_id)
    _button(app, "Change and run again").click().run()
    _button(app, "Run").click().run()
    run = database.get_run(started[0])
    database.close()
    assert Experiment.from_dict(run.experiment) == earlier


def test_the_estimate_follows_the_choices(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    for variant in ("int8", "int8_qat", "dynamic_range", "float16"):
        app.checkbox(key=f"exp_variant_{variant}").uncheck()
    app.run()
    said = words(app)
    assert "nothing to compare it with" in said
    assert "of 29 stages" not in said
    assert not any(widget.label == "QAT epochs" for widget in app.number_input)


def test_a_click_soon_after_a_value_was_typed_runs_with_that_value(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key="exp_seed").set_value(7)
    _button(app, "Run").click().run()  # without the page being drawn in between
    database = Database(tmp_path / "effq.sqlite3")
    assert database.get_run(started[0]).experiment["seed"] == 7
    database.close()


def test_what_cannot_be_run_is_said_and_cannot_be_started(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key="exp_evaluation_size").set_value(5000).run()
    assert "5,000 were asked for" in words(app)
    assert _button(app, "Run").disabled


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("exp_epochs", 500, "The number of QAT epochs is 500. Choose from 1 to 100"),
        ("exp_seed", -5, "The seed is -5. Choose from 0 to"),
        ("exp_percentile", 50.0, "The calibration percentile is 50.0. Choose from 90.0"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(
    open_view: OpenView, tmp_path: Path, key: str, value: float, said: str
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key=key).set_value(value).run()
    assert said in words(app).replace("\\", "").replace("**", "")
    assert _button(app, "Run").disabled


def test_photos_that_are_not_here_lead_to_the_library(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    app.selectbox(key="exp_dataset").set_value("imagenette").run()
    assert "not on this machine yet" in words(app)
    assert _button(app, "Run").disabled
    assert not app.exception


def test_the_papers_preset_keeps_its_settings_on_what_is_bundled(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    _button(app, "The paper's experiment").click().run()
    assert app.slider(key="exp_calibration_size").value == 500
    assert app.selectbox(key="exp_calibration_method").value == "min_max"
    assert app.number_input(key="exp_epochs").value == 5
    assert app.checkbox(key="exp_variant_int8_float_control").value
    assert "runs on **the bundled model and photos**" in words(app)


def test_a_folder_outside_the_named_roots_is_refused(open_view: OpenView, tmp_path: Path) -> None:
    database = Database(tmp_path / "effq.sqlite3")
    # The command line may use any folder; who visits a served page may not go on with it.
    run_id = database.create_run(Experiment(dataset="folder:/etc"))
    database.set_status(run_id, Status.FAILED, error="no images")
    database.close()
    app = open_view(tmp_path, "experiment", run_id)
    _button(app, "Change and run again").click().run()
    assert not app.exception
    assert _button(app, "Run").disabled
    assert "EFFQ_DATA_ROOTS" in words(app).replace("\\", "")


def test_run_starts_what_the_form_says(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.slider(key="exp_calibration_size").set_value(200)
    app.number_input(key="exp_seed").set_value(7)
    app.text_input(key="exp_name").set_value("mine").run()
    _button(app, "Run").click().run()
    (run_id,) = started
    assert app.query_params["run"] in (run_id, [run_id])
    database = Database(tmp_path / "effq.sqlite3")
    run = database.get_run(run_id)
    database.close()
    assert run.name == "mine"
    experiment = Experiment.from_dict(run.experiment)
    assert (experiment.calibration.size, experiment.seed) == (200, 7)


@pytest.mark.parametrize(
    ("status", "values", "said", "button"),
    [
        (Status.QUEUED, {}, "my run", "Cancel"),
        (Status.RUNNING, {}, "my run", "Cancel"),
        (Status.CANCELLING, {}, "my run", "Cancel"),
        (Status.FAILED, {"error": "No disk left.", "hint": "Free some."}, "No disk left", "Retry"),
        (Status.CANCELLED, {}, "Finished stages are kept", "Resume"),
        (Status.INTERRUPTED, {}, "ended unexpectedly", "Resume"),
    ],
)
def test_every_state_of_a_run_offers_the_next_step(
    open_view: OpenView,
    tmp_path: Path,
    status: Status,
    values: dict[str, str],
    said: str,
    button: str,
) -> None:
    app = open_view(tmp_path, "experiment", _run(tmp_path, status, **values))
    assert not app.exception
    assert said in words(app).replace("\\", "")
    assert _button(app, button)
    assert "Epoch 1" in words(app).replace("\\", "")


def test_a_queued_run_says_its_place_in_the_words_of_the_command_line(
    open_view: OpenView, tmp_path: Path
) -> None:
    database = Database(tmp_path / "effq.sqlite3")
    first, second = sorted(database.create_run(Experiment()) for _ in range(2))
    for run_id in (first, second):
        database.set_driver(run_id, Process.own())
    database.set_status(first, Status.RUNNING)
    place = queue_text(database, database.get_run(second))
    database.close()
    assert "1st in the queue" in place and first in place

    app = open_view(tmp_path, "experiment", second)

    assert not app.exception
    (bar,) = app.get("progress")
    assert bar.proto.text.replace("\\", "") == f"{place} …"


def test_a_finished_run_can_be_changed_and_run_again(
    open_view: OpenView, tiny_run: Any, tmp_path: Path, started: list[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(tiny_run.home.root, home)
    app = open_view(home, "experiment", tiny_run.run.id)
    assert "Finished" in words(app)
    _button(app, "Change and run again").click().run()
    assert "done in a few seconds" in words(app)  # the same again: everything is there
    app.selectbox(key="exp_calibration_method").set_value("min_max").run()
    _button(app, "Run").click().run()
    database = Database(home / "effq.sqlite3")
    run = database.get_run(started[0])
    database.close()
    wanted = replace(tiny_run.experiment, calibration=Calibration(size=20, method="min_max"))
    assert Experiment.from_dict(run.experiment) == wanted


def test_a_run_that_waits_for_a_quiet_processor_can_be_told_to_time_now(
    open_view: OpenView, tmp_path: Path
) -> None:
    run_id = _run(tmp_path, Status.RUNNING)
    app = open_view(tmp_path, "experiment", run_id)
    assert not [button for button in app.button if button.key == "do_time_now"]
    row = StageRow(
        run_id=run_id, name="benchmark", kind="benchmark", fingerprint="b" * 64,
        state=StageState.RUNNING, detail=WAITING_QUIET,
    )  # fmt: skip
    database = Database(tmp_path / "effq.sqlite3")
    database.upsert_stages([row])
    database.close()
    app.run()
    flag = Home(tmp_path).runs / run_id / TIME_NOW
    assert not flag.exists()
    app.button(key="do_time_now").click().run()
    assert not app.exception and flag.exists()


def test_a_sweeps_run_that_is_changed_keeps_the_photos_of_its_sweep(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    member = Experiment(seed=2, common_seed=42)
    database = Database(tmp_path / "effq.sqlite3")
    run_id = database.create_run(member)
    database.set_status(run_id, Status.CANCELLED)
    app = open_view(tmp_path, "experiment", run_id)
    _button(app, "Change and run again").click().run()
    assert "Evaluation photos by seed 42" in words(app)
    app.number_input(key="exp_seed").set_value(3).run()
    _button(app, "Run").click().run()
    run = database.get_run(started[0])
    database.close()
    assert Experiment.from_dict(run.experiment) == replace(member, seed=3)


@pytest.mark.parametrize("text", ["../../etc/passwd", "20260101-000000-abcd", "<b>x</b>"])
def test_an_address_of_no_run_is_a_message(open_view: OpenView, tmp_path: Path, text: str) -> None:
    app = open_view(tmp_path, "experiment", text)
    assert not app.exception
    assert "names no run that is here" in words(app)
    assert text not in words(app)
    assert _button(app, "Run")  # a new experiment is right there
