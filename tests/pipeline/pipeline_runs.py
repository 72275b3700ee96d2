"""Runs of one store in tests, and what became of them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline import control, driver
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageRow


class Runs:
    """Runs of one store, and what became of them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.database = Database(home.database)

    def create(self, seed: int = 42) -> str:
        return self.database.create_run(Experiment(seed=seed))

    def start(self, plan: str, run_id: str | None = None) -> tuple[str, int]:
        run_id = run_id or self.create()
        return run_id, control.start_detached(self.home, run_id, f"pipeline_stages:{plan}")

    def run(self, plan: str, run_id: str | None = None) -> RunRow:
        return driver.run_foreground(
            self.home, run_id or self.create(), plan=f"pipeline_stages:{plan}"
        )

    def until(self, run_id: str, true: Callable[[RunRow], bool], seconds: float = 30) -> RunRow:
        deadline = time.monotonic() + seconds
        while True:
            run = self.database.get_run(run_id)
            if true(run):
                return run
            if time.monotonic() > deadline:
                log = self.home.runs / run_id / "driver.log"
                pytest.fail(f"{run}\n{log.read_text() if log.exists() else ''}")
            time.sleep(0.03)

    def ended(self, run_id: str, seconds: float = 30) -> RunRow:
        return self.until(run_id, lambda run: not run.status.is_active, seconds)

    def stage(self, run_id: str, name: str) -> StageRow:
        return next(row for row in self.database.stages(run_id) if row.name == name)

    def states(self, run_id: str) -> dict[str, str]:
        return {row.name: str(row.state) for row in self.database.stages(run_id)}

    def marks(self, prefix: str) -> list[Path]:
        return sorted((self.home.root / "marks").glob(f"{prefix}-*"))

    def until_mark(self, prefix: str, seconds: float = 30) -> list[Path]:
        deadline = time.monotonic() + seconds
        while not self.marks(prefix):
            assert time.monotonic() < deadline, f"no {prefix}"
            time.sleep(0.03)
        return self.marks(prefix)

    def events(self, run_id: str, kind: str) -> list[dict[str, object]]:
        return [row.values for row in self.database.events_after(run_id) if row.kind == kind]

    def temporary_files(self) -> list[Path]:
        return list(self.home.artifacts.glob("*/.tmp-*"))


def dead(pid: int) -> bool:
    """Whether a process is gone; collects it if it is our child."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return not Path(f"/proc/{pid}").exists()
