"""A run as somebody watches it: everything a live view shows, read in one go."""

import time
from dataclasses import dataclass
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import CATALOGUE
from effq_core.pipeline.context import WAITING_QUIET
from effq_core.pipeline.estimate import remaining, share_done, waiting_for
from effq_core.pipeline.queue_turn import queue_text
from effq_core.results.wording import event_text, is_trouble
from effq_core.store.database import Database
from effq_core.store.rows import EventRow, RunRow, StageRow, StageState

MOST_LINES = 200  # lines of the log that are shown; the newest


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    time: float
    stage: str
    text: str
    is_trouble: bool


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A run at one moment."""

    run: RunRow
    stages: tuple[StageRow, ...]
    share: float
    remaining: float | None  # estimated seconds to the end; ``None`` before there is a plan
    elapsed: float | None  # seconds since it began, or all it took; ``None`` before
    # Values of the ``epoch`` events so far, by the variant that is trained.
    curves: dict[str, list[dict[str, Any]]]
    lines: tuple[Line, ...]
    waiting_for: str

    @property
    def complete(self) -> int:
        """How many stages are finished or cached."""
        return sum(stage.state.is_complete for stage in self.stages)

    @property
    def cached(self) -> int:
        """How many stages an earlier run had finished."""
        return sum(stage.state is StageState.REUSED for stage in self.stages)

    @property
    def running(self) -> tuple[StageRow, ...]:
        """What is being worked on."""
        return tuple(stage for stage in self.stages if stage.state is StageState.RUNNING)

    @property
    def waits_for_quiet(self) -> bool:
        """Whether it waits until other programs leave the processor alone."""
        return any(stage.detail == WAITING_QUIET for stage in self.running)


def watch(database: Database, run_id: str, now: float | None = None) -> Watch:
    """Looks at a run."""
    now = time.time() if now is None else now
    run = database.get_run(run_id)
    stages = tuple(database.stages(run_id))
    events = database.events_after(run_id)
    end = now if run.status.is_active else run.finished
    return Watch(
        run=run,
        stages=stages,
        share=share_done(stages),
        remaining=remaining(stages, now) if run.status.is_active else None,
        elapsed=max(0.0, end - run.started) if run.started and end else None,
        curves=_curves(events),
        lines=_lines(events, stages),
        waiting_for=queue_text(database, run) or waiting_for(stages),
    )


def _curves(events: list[EventRow]) -> dict[str, list[dict[str, Any]]]:
    by_stage: dict[str, dict[int, dict[str, Any]]] = {}
    for event in events:
        if event.kind == "epoch":
            # An epoch told twice (a resumed run) counts once, as it was told last.
            by_stage.setdefault(_trained(event.stage), {})[int(event.values["epoch"])] = (
                event.values
            )
    return {s: [e[n] for n in sorted(e)] for s, e in by_stage.items()}


def _trained(stage: str) -> str:
    found = (row.name for row in CATALOGUE.values() if row.training == stage)
    return next(found, stage.partition(":")[2])


def _lines(events: list[EventRow], stages: tuple[StageRow, ...]) -> tuple[Line, ...]:
    lines = []
    for event in events:
        text = event_text(event.kind, event.values)
        if text is not None:
            lines.append(Line(event.time, event.stage, text, is_trouble(event.kind)))
    for stage in stages:
        if stage.state is StageState.DONE and stage.finished and stage.seconds is not None:
            text = f"done in {fmt.duration(stage.seconds)}"
            lines.append(Line(stage.finished, stage.name, text, is_trouble=False))
    return tuple(sorted(lines, key=lambda line: line.time)[-MOST_LINES:])
