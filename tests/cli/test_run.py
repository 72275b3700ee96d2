"""Running, cancelling, resuming and deleting from the command line."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from effq_core.jobs.process import Process
from effq_core.pipeline import driver
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageRow, StageState, Status

TINY_OPTIONS = (
    *("--image-size", "64", "--calibration-size", "20", "--training-size", "100"),
    *("--evaluation-size", "60", "--epochs", "1", "--variant", "standard,int8_qat_untrained"),
)
"""The options that make the tiny run's experiment of the default preset."""


@pytest.fixture
def database(home):
    made = Database(home.database)
    yield made
    made.close()


def test_a_repeated_experiment_reuses_everything_and_prints_plain_lines(
    effq, tiny_home, tiny_run
) -> None:
    answer = effq("run", *TINY_OPTIONS, "--name", "again")

    assert answer.exit_code == 0, answer.stderr
    lines = answer.stdout.splitlines()
    stages = re.fullmatch(r"= (\d+) of (\d+) stages reused", lines[1])
    assert stages and stages[1] == stages[2]
    assert "int8 QAT" in answer.stdout
    assert "\x1b" not in answer.stdout, "no escape sequences outside a terminal"
    [newest, _] = json.loads(effq("runs", "--json").stdout)
    assert (newest["name"], newest["status"]) == ("again", "finished")
    assert newest["experiment"] == tiny_run.experiment.to_dict()


def test_json_is_the_only_thing_on_standard_output(effq, tiny_home, tiny_run) -> None:
    answer = effq("run", *TINY_OPTIONS, "--json")

    assert json.loads(answer.stdout)["results"] == tiny_run.results.plain
    assert "reused" in answer.stderr


def test_quiet_prints_the_results_only(effq, tiny_home) -> None:
    text = effq("run", *TINY_OPTIONS, "--quiet").stdout

    assert "reused" not in text and text.startswith("EfficientNetV2-B0")


def test_what_cannot_be_run_leaves_no_run_behind(effq, home, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments in (
        ["--data", tmp_path / "empty"],
        ["--data", tmp_path / "nowhere"],
        ["--data", "imagenette"],
        ["--model", "resnet"],
        ["--epochs", 0],
        ["--evaluation-size", "some"],
        ["--preset", "quick"],
    ):
        answer = effq("run", *arguments)
        assert answer.exit_code == 2, arguments
        assert answer.stdout == "" and len(answer.stderr.splitlines()) >= 2, answer.stderr

    assert json.loads(effq("runs", "--json").stdout) == []


@pytest.mark.parametrize(
    ("status", "code"), [(Status.FAILED, 1), (Status.CANCELLED, 130), (Status.FINISHED, 0)]
)
def test_how_a_run_ends_is_the_exit_code(
    effq, tiny_home, tiny_run, monkeypatch, status, code
) -> None:
    def end(home, run_id: str, on_update=None) -> RunRow:
        results = tiny_run.run.results if status is Status.FINISHED else None
        return replace(
            tiny_run.run, id=run_id, status=status, results=results, error="Why.", hint="Do."
        )

    monkeypatch.setattr(driver, "run_foreground", end)

    answer = effq("run", *TINY_OPTIONS)

    assert answer.exit_code == code
    if code:
        assert "effq resume" in answer.stderr
    if status is Status.FAILED:
        assert "Why." in answer.stderr and "Do." in answer.stderr


def test_detached_prints_the_id_and_the_run_ends_by_itself(effq, tiny_home) -> None:
    answer = effq("run", *TINY_OPTIONS, "--detach")

    run_id = answer.stdout.strip()
    assert answer.exit_code == 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        shown = json.loads(effq("show", run_id, "--json").stdout)
        if shown["run"]["status"] == "finished":
            break
        time.sleep(0.2)
    assert shown["run"]["status"] == "finished"
    assert len(shown["rows"]) == 6


def test_ctrl_c_cancels_and_says_how_to_resume(effq, home) -> None:
    command = [sys.executable, "-m", "effq_core", "run", *TINY_OPTIONS, "--seed", "7"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert process.stdout.readline().startswith("✓"), "the first stage has finished"
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, errors = process.communicate(timeout=60)

    run_id = first.split()[-1]
    assert process.returncode == 130
    assert time.monotonic() - begun < 10
    assert "was cancelled" in errors and f"effq resume {run_id}" in errors
    assert json.loads(effq("show", "--json").stdout)["run"]["status"] == "cancelled"


def test_resume_finishes_a_cancelled_run_with_what_is_there(effq, tiny_home, tiny_run) -> None:
    database = Database(tiny_home.database)
    database.set_status(tiny_run.run.id, Status.CANCELLED, results=None)
    database.close()

    answer = effq("resume", "tiny")

    assert answer.exit_code == 0, answer.stderr
    assert "stages reused" in answer.stdout and "int8" in answer.stdout


def test_cancel_tells_what_became_of_the_run(effq, database) -> None:
    queued = database.create_run(_experiment())

    assert "is cancelled" in effq("cancel", queued).stdout
    assert "had ended already" in effq("cancel", queued).stdout
    assert json.loads(effq("cancel", queued, "--json").stdout)["run"]["status"] == "cancelled"
    assert effq("cancel", "nope").exit_code == 2


def test_delete_asks_first(effq, database) -> None:
    run_id = database.create_run(_experiment())
    database.set_status(run_id, Status.CANCELLED)

    refused = effq("delete", run_id, input="n\n")
    assert refused.exit_code != 0
    assert [run.id for run in database.list_runs()] == [run_id]

    assert effq("delete", run_id, input="y\n").exit_code == 0
    assert database.list_runs() == []


def test_delete_without_asking_refuses_a_run_at_work(effq, database) -> None:
    run_id = database.create_run(_experiment())
    database.set_driver(run_id, Process.own())

    assert effq("delete", run_id, "--yes").exit_code == 2
    database.set_status(run_id, Status.FINISHED)
    assert json.loads(effq("delete", run_id, "--yes", "--json").stdout) == {"deleted": run_id}


def test_the_live_display_names_stages_and_counts(tiny_run) -> None:
    from rich.console import Console

    from effq_core.cli.live import MOST_SKIPPED, Watcher
    from effq_core.pipeline.progress import Update
    from effq_core.store.rows import EventRow

    console = Console(width=110, record=True, force_terminal=True, file=io.StringIO())
    watcher = Watcher(console)
    run = replace(tiny_run.run, status=Status.RUNNING)
    base = {"run_id": run.id, "fingerprint": "0" * 64}
    console.print(watcher.render())
    stages = (
        StageRow(name="index", kind="index", state=StageState.REUSED, **base),
        StageRow(
            name="finetune:int8_qat",
            kind="finetune",
            state=StageState.RUNNING,
            started=time.time() - 4,
            done=30,
            total=600,
            unit="images",
            **base,
        ),
        StageRow(name="report", kind="report", **base),
    )

    def event(number: int, kind: str, **values: object) -> None:
        row = EventRow(run_id=run.id, seq=number, time=0.0, kind=kind, stage="index", values=values)
        watcher.update(Update(run=run, stages=stages, remaining=1.0, event=row))

    watcher.update(Update(run=run, stages=stages, remaining=1.0))
    event(1, "epoch", epoch=1, loss=0.5, validation_loss=0.4, validation_top1=0.9, n=10)
    for number in range(MOST_SKIPPED + 5):
        event(2 + number, "skipped", key=f"{number}.jpg", reason=f"{number}.jpg is broken.")
    console.print(watcher.render())
    watcher.update(Update(run=replace(run, status=Status.CANCELLING), stages=stages, remaining=1.0))
    console.print(watcher.render())

    text = console.export_text()
    for part in (
        "1 of 3 stages reused",
        "Fine-tune: int8 QAT",
        "30 of 600 images",
        "left",
        "Epoch 1: loss 0.500",
        "0.jpg is broken.",
        "Further skipped images",
        "cancelling",
    ):
        assert part in text, part
    assert f"{MOST_SKIPPED + 1}.jpg" not in text


def _experiment():
    from effq_core.experiment import Experiment

    return Experiment()


def test_remeasuring_takes_every_latency_anew_and_nothing_else(effq, tiny_home, tiny_run) -> None:
    # A copy of its own: other tests count what is in the shared store.
    tiny_home.artifacts.unlink()
    shutil.copytree(tiny_run.home.artifacts, tiny_home.artifacts, copy_function=os.link)

    answer = effq("run", *TINY_OPTIONS, "--remeasure", "--json")

    assert answer.exit_code == 0, answer.stderr
    document = json.loads(answer.stdout)
    made = {stage["name"] for stage in document["stages"] if stage["state"] == "done"}
    variants = document["results"]["variants"]
    assert made == {"benchmark", "report"}
    for name, values in variants.items():
        before = tiny_run.results.plain["variants"][name]
        assert values["accuracy"] == before["accuracy"]
        assert values["latency"][0]["samples_ms"] != before["latency"][0]["samples_ms"]
    # The earlier run keeps the timings it had.
    kept = effq("show", tiny_run.run.id, "--json")
    assert json.loads(kept.stdout)["results"]["variants"] == tiny_run.results.plain["variants"]
