"""A run on the experiment page: every state it can be in, and changing it for another."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.jobs.process import Process
from effq_core.pipeline.context import TIME_NOW, WAITING_QUIET
from effq_core.pipeline.queue_turn import queue_text
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState, Status
from tests.app.conftest import OpenView, button_of, words


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
    assert button_of(app, button)
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
    button_of(app, "Change and run again").click().run()
    assert "done in a few seconds" in words(app)  # the same again: everything is there
    app.selectbox(key="exp_calibration_method").set_value("min_max").run()
    button_of(app, "Run").click().run()
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
    button_of(app, "Change and run again").click().run()
    assert "Evaluation photos by seed 42" in words(app)
    app.number_input(key="exp_seed").set_value(3).run()
    button_of(app, "Run").click().run()
    run = database.get_run(started[0])
    database.close()
    assert Experiment.from_dict(run.experiment) == replace(member, seed=3)


@pytest.mark.parametrize("text", ["../../etc/passwd", "20260101-000000-abcd", "<b>x</b>"])
def test_an_address_of_no_run_is_a_message(open_view: OpenView, tmp_path: Path, text: str) -> None:
    app = open_view(tmp_path, "experiment", text)
    assert not app.exception
    assert "was deleted or never existed" in words(app)
    assert text not in words(app)
    assert button_of(app, "Run")  # a new experiment is right there
