"""Waiting for a quiet processor as a run does it: said, limited, and ended by whoever asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import InputError
from effq_core.base.settings import QUIET_SECONDS, Home, quiet_seconds
from effq_core.experiment import Experiment
from effq_core.measure.others import QuietCpu
from effq_core.pipeline import control
from effq_core.pipeline.context import TIME_NOW, WAITING_QUIET, Link, StageContext
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import StageSpec, StageTask
from effq_core.pipeline.stages import measure as stage
from effq_core.pipeline.stages.measure import Patience, quiet_cpu
from effq_core.pipeline.watch import watch
from effq_core.results.wording import event_text
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState, Status


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def run_id(home: Home) -> str:
    database = Database(home.database)
    try:
        return control.enter(home, database, Experiment())
    finally:
        database.close()


def context(home: Home, run_id: str, sent: list[dict[str, Any]]) -> StageContext:
    spec = StageSpec(name="benchmark", stage=get_stage("measure:benchmark"))
    task = StageTask(run_id=run_id, spec=spec, fingerprint="f", inputs={}, home=str(home.root),
                     topic="topic---")  # fmt: skip
    folder = home.root
    return StageContext(
        params={}, inputs={}, summaries={}, out=folder, scratch=folder, home=home,
        link=Link(task, sent.append),
    )  # fmt: skip


@pytest.mark.parametrize("seconds", ["0.2", "0"])
def test_files_are_timed_only_after_the_wait_and_again_only_where_it_is_waited_for(
    home: Home, run_id: str, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFQ_QUIET_SECONDS", seconds)
    monkeypatch.setattr(QuietCpu, "_look", lambda _: 0.9)
    sent: list[dict[str, Any]] = []

    def together(files: Any, *_: Any, pause: Any, again: bool, **__: Any) -> dict[str, Any]:
        pause()
        assert again == (seconds != "0")
        return {name: [] for name in files}

    monkeypatch.setattr(stage, "time_together", together)
    made = context(home, run_id, sent)
    stage.benchmark(replace(made, params={"threads": [1], "invocations": 100}))
    assert any(each.get("kind") == "quiet_wait" for each in sent) == (seconds != "0")
    assert any(each.get("detail") == WAITING_QUIET for each in sent) == (seconds != "0")


def test_a_search_does_not_pay_for_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("effq_core.pipeline.stages.measure.time.monotonic", lambda: now[0])

    def wait() -> bool:
        now[0] += 120
        return False

    patience = Patience(wait)
    begun = patience.clock()
    assert patience.wait() is False
    now[0] += 3
    assert patience.clock() - begun == 3


def test_a_wait_is_told_to_the_run_once_and_ended_by_its_flag(
    home: Home, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFQ_QUIET_SECONDS", "3600")
    looks: list[int] = []

    def busy(_: QuietCpu) -> float:
        looks.append(1)
        if len(looks) == 3:
            control.time_now(home, run_id)
        return 0.9

    monkeypatch.setattr(QuietCpu, "_look", busy)
    sent: list[dict[str, Any]] = []
    cpu = quiet_cpu(context(home, run_id, sent))

    assert not cpu.wait() and not cpu.wait()

    assert len(looks) == 3
    details = [each["detail"] for each in sent if each["what"] == "waiting"]
    assert details == [WAITING_QUIET, ""]
    (event,) = [each for each in sent if each["what"] == "event"]
    said = event_text(event["kind"], event["values"])
    assert said is not None and "quiet CPU" in said and "effq time-now" in said


def test_the_flag_of_an_earlier_try_is_gone_when_a_run_is_run_again(
    home: Home, run_id: str
) -> None:
    control.time_now(home, run_id)
    flag = home.runs / run_id / TIME_NOW
    assert flag.exists()
    database = Database(home.database)
    try:
        ended = database.set_status(run_id, Status.FAILED)
        with pytest.raises(InputError, match="nothing left to time"):
            control.time_now(home, run_id)
        control.prepare_again(database, home, ended)
    finally:
        database.close()
    assert not flag.exists()


@pytest.mark.parametrize(("detail", "waits"), [(WAITING_QUIET, True), ("", False)])
def test_whoever_watches_sees_that_it_waits(
    home: Home, run_id: str, detail: str, waits: bool
) -> None:
    database = Database(home.database)
    try:
        row = StageRow(
            run_id=run_id, name="benchmark", kind="benchmark", fingerprint="f",
            state=StageState.RUNNING, detail=detail,
        )  # fmt: skip
        database.upsert_stages([row])
        assert watch(database, run_id).waits_for_quiet is waits
    finally:
        database.close()


def test_the_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EFFQ_QUIET_SECONDS")
    assert quiet_seconds() == QUIET_SECONDS
    for text, seconds in (("0", 0.0), ("7.5", 7.5)):
        monkeypatch.setenv("EFFQ_QUIET_SECONDS", text)
        assert quiet_seconds() == seconds
    for text in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("EFFQ_QUIET_SECONDS", text)
        with pytest.raises(InputError, match="EFFQ_QUIET_SECONDS"):
            quiet_seconds()
