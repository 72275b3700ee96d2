"""``effq sweep``: what it says before, while and after; the driving is tested in tests/sweeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from effq_core.store.database import Database
from effq_core.store.rows import Status
from effq_core.sweeps.state import create_sweep, save
from effq_core.sweeps.sweep import Sweep


@pytest.fixture
def stopped(tiny_home, tiny_run):
    """A sweep that was cancelled when one of its two runs had been evaluated."""
    database = Database(tiny_home.database)
    base = replace(tiny_run.experiment, variants=("float32", "int8"))
    state = create_sweep(
        tiny_home, database, Sweep(base=base, calibration_sizes=(20, 50)), "my sweep"
    )
    made = {
        stage.name.removeprefix("evaluate:"): stage.fingerprint
        for stage in database.stages(tiny_run.run.id)
        if stage.name.startswith("evaluate:")
    }
    state.evaluations = [{name: made[name] for name in ("float32", "int8")}]
    save(tiny_home, state)
    database.set_status(state.id, Status.CANCELLED)
    database.close()
    return state


def test_a_dry_run_says_what_is_shared_and_makes_nothing(effq, home) -> None:
    answer = effq("sweep", "--calibration-size", "50,200", "--seed", "1,2,3", "--dry-run")

    assert answer.exit_code == 0, answer.stderr
    first, second = answer.stdout.splitlines()
    assert first == "6 runs: 2 calibration sizes × 3 seeds"
    assert second.startswith("63 distinct stages of 108 (45 shared), 0 cached; about ")
    plain = json.loads(
        effq("sweep", "--epochs", "1,2", "--loss", "labels", "--dry-run", "--json").stdout
    )
    assert plain["sweep"]["base"]["variants"] == ["float32", "int8_qat"]
    assert plain["forecast"]["runs"] == 2
    assert json.loads(effq("runs", "--json").stdout) == []
    assert "There is no sweep yet" in effq("sweep", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--calibration-size", "many"], "'many' is not a calibration size"),
        (["--method", "median,min-max"], "'median' is not a calibration method"),
        (["--calibration-size", "50"], "This sweep has one run"),
        (["--epochs", "1,2", "--variant", "int8"], "No chosen variant depends on the numbers"),
        (["show", "20200101-000000-abcd"], "There is no sweep '20200101"),
    ],
)
def test_what_cannot_be_swept_leaves_nothing_behind(effq, home, arguments, message) -> None:
    answer = effq("sweep", *arguments)

    assert answer.exit_code == 2, answer.stderr
    assert answer.stdout == "" and answer.stderr.startswith(message)
    assert json.loads(effq("runs", "--json").stdout) == []


def test_a_stopped_sweep_shows_what_it_has_found(effq, stopped, tiny_run) -> None:
    text = effq("sweep", "show").stdout
    top1 = tiny_run.results.variants["int8"].accuracy.top1

    assert text.startswith("my sweep (cancelled): 0 of 2 runs finished")
    assert f"{100 * top1.share:.1f} % (" in text and "not yet" in text
    assert effq("show", stopped.id).stdout == text, "a sweep is a run, and is shown as what it is"
    [listed] = [line for line in effq("sweep", "list").stdout.splitlines() if stopped.id in line]
    assert "0 of 2" in listed and "cancelled" in listed
    plain = json.loads(effq("sweep", "show", "my sweep", "--json").stdout)
    assert [run["label"] for run in plain["runs"]] == ["20 photos", "50 photos"]
    assert plain["runs"][0]["variants"]["int8"]["accuracy"]["n"] == 60
    assert plain["findings"] == []


def test_a_sweep_left_to_the_background_is_the_same_sweep(effq, stopped, monkeypatch) -> None:
    begun = []
    monkeypatch.setattr(
        "effq_core.pipeline.control.start_detached",
        lambda home, run, plan="": begun.append(run) or 7,
    )
    answer = effq("sweep", "resume", stopped.id[:13], "--detach", "--json")

    assert json.loads(answer.stdout) == {"run": {"id": stopped.id}, "driver_pid": 7}
    assert begun == [stopped.id]
