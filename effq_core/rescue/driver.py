"""The process that works on a rescue: it decides what is tried next, and writes the story."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import Cancelled, EffqError
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.experiment.variants import PTQ
from effq_core.jobs import kinds
from effq_core.jobs.process import Process
from effq_core.pipeline.forecast import recent_stages
from effq_core.pipeline.progress import OnUpdate
from effq_core.rescue.attempts import Attempts
from effq_core.rescue.remedies import Offer, as_it_is, cost_of, offers, variant_of
from effq_core.rescue.request import Remedy
from effq_core.rescue.stopping import Stopping
from effq_core.rescue.story import KIND, UNFINISHED, Step, StepState, Story, files_of, load, save
from effq_core.store.database import Database
from effq_core.store.rows import Status

OnStory = Callable[[Story], None]
Following = Callable[[Story, Step], AbstractContextManager[OnUpdate | None]]
"""Gives, for the length of a step, what the run's driver calls after each change."""

_PATIENCE = 3.0  # seconds for a process to end that has just written how its rescue ended


def work(
    home: Home, story_id: str, on_story: OnStory | None = None, following: Following | None = None
) -> Story:
    """Works on a rescue here until it ends or SIGINT or SIGTERM; EngineError if another does."""
    files = files_of(home, story_id)
    load(home, story_id)  # says if there is none, before a folder is made
    worked_on = files.worked_on(f"the rescue {story_id}", _PATIENCE)
    # Signals first: whoever reads that it is running may send one.
    with worked_on, Database(home.database) as database, files.signals_cancel():
        with FileLock(files.starting):
            taken = _Taken(home, database, load(home, story_id), on_story, following)
            taken.begin()
        return taken.work()


class _Taken:
    def __init__(
        self,
        home: Home,
        database: Database,
        story: Story,
        on_story: OnStory | None,
        following: Following | None,
    ) -> None:
        self._home, self._database, self._story = home, database, story
        self._on_story = on_story
        self._following = following or (lambda _story, _step: nullcontext(None))
        self._stop = Stopping(home, files_of(home, story.id))
        self._attempts = Attempts(home, database, self._stop)

    def begin(self) -> None:
        """Takes a story over: what was measured stays; what was stopped has another turn."""
        pid, token = Process.own()
        steps = tuple(
            s for s in self._story.steps if s.state is not StepState.FAILED or s.remedy is not None
        )
        fresh: dict[str, Any] = {"finished": None, "error": "", "hint": ""}
        self._change(steps=steps, status=Status.RUNNING, pid=pid, token=token, **fresh)

    def work(self) -> Story:
        """Tries one remedy after the other."""
        try:
            self._measure_as_it_is()
            while self._story.met is None and (offer := self._next()) is not None:
                if offer.experiment is not None:
                    self._run(offer.remedy, offer.experiment, offer.seconds)
            self._end(Status.FINISHED)
        except Cancelled:
            self._end(Status.CANCELLED)
        except EffqError as error:
            self._end(Status.FAILED, error=error.message, hint=error.hint)
        except Exception as error:
            self._end(
                Status.FAILED,
                error=f"The rescue failed ({type(error).__name__}: {error}).",
                hint="This is a fault of EffQ: report it. What was measured is kept.",
            )
            raise
        return self._story

    def _measure_as_it_is(self) -> None:
        story = self._story
        if story.base is not None:
            self._attempts.remember(story.base)
            return
        experiment = as_it_is(story.rescue.experiment)
        known = None if story.about(None) else self._attempts.measured_before(story.rescue)
        if known is not None:
            self._tell(story.with_step(known))
            return
        estimate = cost_of(experiment, self._home, recent_stages(self._home)).seconds
        self._run(None, experiment, estimate)
        step = self._story.about(None)
        if step is None or step.outcome is None:
            message = f"int8 itself could not be measured: {step.why if step else 'it was not run'}"
            hint = "Without it the loss is unknown. Fix that, then resume the rescue."
            raise EffqError(message, hint)

    def _next(self) -> Offer | None:
        while True:
            self._stop.check()
            steps = self._story.steps
            found = offers(
                self._story.rescue,
                self._best(),
                self._home,
                history=recent_stages(self._home),
                without=[s.remedy for s in steps if s.remedy and s.state not in UNFINISHED],
                tried=[s.experiment for s in self._story.measured if s.experiment],
            )
            self._change(ahead=tuple((o.remedy, o.seconds) for o in found if not o.why))
            if not found:
                return None
            applicable = next((offer for offer in found if not offer.why), None)
            if applicable is None:
                # Not sooner: another calibration may yet make room for a remedy.
                for offer in found:
                    self._skip(offer, offer.why)
                return None
            too_long = self._too_long(applicable)
            if not too_long:
                return applicable
            self._skip(applicable, too_long)

    def _too_long(self, offer: Offer) -> str:
        left = self._left()
        if left is None or offer.seconds <= left:
            return ""
        about = f"It would take about {fmt.roughly(offer.seconds)}"
        return f"{about}, and {fmt.duration(max(0.0, left))} of the time allowed are left."

    def _skip(self, offer: Offer, why: str) -> None:
        step = Step(
            remedy=offer.remedy,
            state=StepState.SKIPPED,
            experiment=offer.experiment,
            why=why,
            estimate=None if offer.experiment is None else offer.seconds,
        )
        self._tell(self._story.with_step(step))

    def _run(self, remedy: Remedy | None, experiment: Experiment, estimate: float) -> None:
        self._stop.check()
        step = self._attempts.begin(self._story, remedy, experiment, estimate)
        self._tell(self._story.with_step(step))
        with self._following(self._story, step) as on_update:
            step = self._attempts.finish(self._story.rescue, step, self._left(), on_update)
        self._tell(self._story.with_step(step))
        if step.state is StepState.CANCELLED:
            raise Cancelled("The rescue was cancelled.")

    def _best(self) -> Calibration:
        made = [s for s in self._story.measured if variant_of(s.remedy) == PTQ and s.experiment]
        best = min(made, key=lambda s: s.outcome.drop_points if s.outcome else 0.0)
        if best.experiment is None:
            raise EffqError("A measured step has no experiment.", "Start the rescue again.")
        return best.experiment.calibration

    def _left(self) -> float | None:
        allowed = self._story.rescue.budget_seconds
        return None if allowed is None else allowed - self._story.seconds

    def _change(self, **values: Any) -> None:
        self._tell(replace(self._story, **values))

    def _tell(self, story: Story) -> None:
        self._story = story
        save(self._home, story)
        if self._on_story is not None:
            self._on_story(story)

    def _end(self, status: Status, *, error: str = "", hint: str = "") -> None:
        steps = tuple(
            replace(step, state=StepState.CANCELLED, why=step.why or "It was stopped.")
            if step.state is StepState.RUNNING
            else step
            for step in self._story.steps
        )
        gone: dict[str, Any] = {"finished": time.time(), "pid": None, "token": None}
        self._change(status=status, steps=steps, error=error, hint=hint, **gone)


def _work(home: Home, story_id: str) -> int:
    """Works on a rescue in a process of its own; returns 0 if the limit was met."""
    story = work(home, story_id)
    if story.status is Status.CANCELLED:
        return kinds.CANCELLED
    return 0 if story.met else 1


kinds.register(KIND, _work)
