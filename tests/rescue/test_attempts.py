"""The time a step of a rescue takes is the time its run works."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.files import JobFiles
from effq_core.pipeline.context import WAITING_QUIET
from effq_core.rescue import attempts
from effq_core.rescue.attempts import Attempts
from effq_core.rescue.request import Rescue
from effq_core.rescue.stopping import Stopping
from effq_core.rescue.story import Step, StepState
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageRow, StageState, Status


def test_a_runs_wait_for_a_quiet_processor_is_none_of_its_steps_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    database = Database(home.database)
    run_id = database.create_run(Experiment())

    def waits(_: Home, run_id: str, __: object) -> RunRow:
        database.set_status(run_id, Status.RUNNING)
        row = StageRow(
            run_id=run_id, name="benchmark", kind="benchmark", fingerprint="f",
            state=StageState.RUNNING, detail=WAITING_QUIET,
        )  # fmt: skip
        database.upsert_stages([row])
        time.sleep(2.5)
        return database.set_status(run_id, Status.FAILED, error="It ends.")

    monkeypatch.setattr(attempts, "run_foreground", waits)
    step = Step(remedy=None, state=StepState.RUNNING, run=run_id)
    made = Attempts(home, database, Stopping(home, JobFiles.in_folder(tmp_path)))
    ended = made.finish(Rescue(experiment=Experiment()), step, 1.0, None)
    database.close()
    assert (ended.state, ended.why) == (StepState.FAILED, "It ends."), "its second was not up"
    assert ended.seconds is not None and ended.seconds < 1
