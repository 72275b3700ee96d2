"""The undisturbed run that every cell starts from, and what it means that something broke."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.store.database import Database
from effq_core.store.manifest import MANIFEST
from effq_core.store.rows import RunRow, StageRow, Status

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
MINUTES = 60.0


class Broken(AssertionError):  # noqa: N818 - a finding, not an error of the test
    """Something that must hold does not."""


@dataclass(frozen=True)
class Base:
    """An undisturbed, finished run: what every cell starts from and is compared with.

    Attributes:
        home: Its store; never changed.
        run: The run.
        stages: Its stages by name.
    """

    home: Home
    run: RunRow
    stages: dict[str, StageRow]

    @classmethod
    def of(cls, home: Home, run_id: str) -> Base:
        database = Database(home.database)
        try:
            run = database.get_run(run_id)
            stages = {row.name: row for row in database.stages(run_id)}
        finally:
            database.close()
        if run.status is not Status.FINISHED:
            raise Broken(f"The undisturbed run is {run.status}: {run.error}")
        return cls(home, run, stages)

    @property
    def experiment(self) -> Experiment:
        return Experiment.from_dict(self.run.experiment)

    def folder(self, stage: str) -> Path:
        row = self.stages[stage]
        return self.home.artifacts / row.kind / row.fingerprint

    def seconds(self, stage: str) -> float:
        """How long a stage took in the undisturbed run."""
        return float(read_manifest(self.folder(stage))["seconds"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Returns an artifact's manifest as it is."""
    plain: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return plain


def until(true: Callable[[], T], problem: str, seconds: float = 60.0, poll: float = 0.05) -> T:
    """Waits for something and returns it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise Broken(problem)
        time.sleep(poll)
    return found
