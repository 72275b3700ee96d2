"""The rows of the database, as values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its driver died; running it again resumes it

    @property
    def is_active(self) -> bool:
        """Whether a driver works on it, or will."""
        return self in ACTIVE


ACTIVE = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})


class StageState(StrEnum):
    """Where a stage of a run is."""

    PENDING = "pending"
    RUNNING = "running"
    REUSED = "reused"  # finished by an earlier run, or by another one meanwhile
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_complete(self) -> bool:
        """Whether its artifact exists."""
        return self in (StageState.DONE, StageState.REUSED)


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One execution of an experiment. Times are seconds since 1970."""

    id: str  # short, sortable by time
    name: str
    experiment: dict[str, Any]  # :meth:`effq_core.experiment.Experiment.to_dict`
    fingerprint: str  # the experiment's
    status: Status
    created: float
    started: float | None = None
    finished: float | None = None
    error: str = ""
    hint: str = ""
    driver_pid: int | None = None
    driver_started: str | None = None  # tells that process from a later one with the same number
    results: str | None = None  # fingerprint of its ``report`` artifact


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """One stage of a run. Times are seconds since 1970."""

    run_id: str
    name: str  # unique within the run, such as ``convert:int8``
    kind: str  # kind of stage: the folder of its artifact
    fingerprint: str  # its artifact's
    position: int = 0  # place in the plan, from 0
    state: StageState = StageState.PENDING
    weight: float = 1.0  # seconds it is expected to take
    started: float | None = None
    finished: float | None = None
    done: int = 0
    total: int = 0  # all units of the current work; 0 where unknown
    unit: str = ""
    detail: str = ""  # what it does or waits for, for people

    @property
    def seconds(self) -> float | None:
        """How long it took; ``None`` unless it has begun and ended."""
        if not self.started or not self.finished:
            return None
        return max(0.0, self.finished - self.started)


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """Something that happened in a run."""

    run_id: str
    seq: int  # counts the run's events from 1
    time: float
    kind: str  # what happened, such as ``epoch``, ``warning``, ``bug``
    stage: str  # name of the stage it happened in; empty for the run itself
    values: dict[str, Any]
