"""What a driver knows about its run, written through to the index."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from effq_core.pipeline.estimate import remaining, waiting_for
from effq_core.pipeline.queue_turn import queue_text
from effq_core.pipeline.stage import Plan
from effq_core.store.database import Database
from effq_core.store.rows import EventRow, RunRow, StageRow, StageState, Status

log = logging.getLogger(__name__)

_BEAT = 1.0


@dataclass(frozen=True, kw_only=True)
class Update:
    """Something about a run has changed; ``event`` is what was recorded, if that is it."""

    run: RunRow
    stages: tuple[StageRow, ...]
    remaining: float | None  # estimated seconds to the end; ``None`` before there is a plan
    event: EventRow | None = None
    waiting: str = ""


OnUpdate = Callable[[Update], None]


class Progress:
    """The rows of one run."""

    def __init__(self, database: Database, run: RunRow, on_update: OnUpdate | None) -> None:
        self._database, self._on_update = database, on_update
        self._rows: dict[str, StageRow] = {}
        self.run = run
        self._next_beat = 0.0

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.id

    def __getitem__(self, name: str) -> StageRow:
        return self._rows[name]

    def _tell(self, event: EventRow | None = None) -> None:
        if self._on_update is not None:
            stages = tuple(self._rows.values())
            self._on_update(
                Update(
                    run=self.run,
                    stages=stages,
                    remaining=remaining(stages),
                    event=event,
                    waiting=queue_text(self._database, self.run) or waiting_for(stages),
                )
            )

    def beat(self) -> None:
        """Tells how things stand, once a second at most: time passes, and the queue moves."""
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + _BEAT
            self._tell()

    def plan(self, plan: Plan, fingerprints: dict[str, str], finished: set[str]) -> None:
        """Takes a plan over."""
        self._rows = {
            spec.name: StageRow(
                run_id=self.run.id,
                name=spec.name,
                kind=spec.kind,
                fingerprint=fingerprints[spec.name],
                position=position,
                weight=spec.weight,
                state=StageState.REUSED if spec.name in finished else StageState.PENDING,
            )
            for position, spec in enumerate(plan)
        }
        self._database.plan_stages(self.run.id, list(self._rows.values()))
        self._tell()

    def stage(self, name: str, **values: Any) -> None:
        """Changes columns of a stage, those of :class:`~effq_core.store.rows.StageRow`."""
        self._rows[name] = replace(self._rows[name], **values)
        self._database.upsert_stages([self._rows[name]])
        self._tell()

    def end(self, name: str, state: StageState) -> None:
        """Marks a stage as ended."""
        self.stage(name, state=state, finished=time.time(), detail="")

    def end_rest(self, state: StageState) -> None:
        """Marks every stage that has not ended."""
        for name, row in self._rows.items():
            if row.state in (StageState.PENDING, StageState.RUNNING):
                self.end(name, state)

    def status(self, status: Status, **values: Any) -> None:
        """Changes the run's status, and other columns of its row."""
        self.run = self._database.set_status(self.run.id, status, **values)
        log.info("Run %s is %s. %s", self.run.id, status, values.get("error", ""))
        self._tell()

    def event(self, kind: str, stage: str = "", /, **values: Any) -> None:
        """Records something that happened in a stage, or in the run itself."""
        self._tell(self._database.add_event(self.run.id, kind, stage, **values))
