"""Works through the missing stages of a plan on the engine."""

import contextlib
import logging
import queue
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from effq_core.base.errors import EffqError, EngineError
from effq_core.base.settings import Home
from effq_core.jobs.process import Process
from effq_core.pipeline.session import Session, WorkerLost
from effq_core.pipeline.stage import Plan, StageSpec, StageTask, fingerprints, in_parts
from effq_core.pipeline.worker import error_from
from effq_core.store.rows import StageState

log = logging.getLogger(__name__)

RETRIES = 2  # how often a stage is tried again after its worker died

_PATIENCE = 2.5
_NEWS_SECONDS = 0.3  # how long the news that a task has begun may be on its way
_TICK = 0.1
_MOST_LOSSES = 12


class Recorder(Protocol):
    """Where an executor writes how far stages are."""

    @property
    def run_id(self) -> str:
        """Whose flags the workers look at."""

    def plan(self, plan: Plan, fingerprints: dict[str, str], finished: set[str]) -> None:
        """Takes a plan over."""

    def stage(self, name: str, **values: Any) -> None:
        """Changes columns of a stage."""

    def end(self, name: str, state: StageState) -> None:
        """Marks a stage as ended."""

    def event(self, kind: str, stage: str = "", /, **values: Any) -> None:
        """Records something that happened."""


@dataclass
class _Active:
    task: StageTask
    started: int = 0
    events: set[int] = field(default_factory=set)


class Executor:
    """Runs stages as inputs finish and survives dying workers; ``check`` raises to cancel."""

    def __init__(
        self,
        home: Home,
        plan: Plan,
        fingerprints: dict[str, str],
        finished: set[str],
        progress: Recorder,
        check: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self._home, self._plan, self._fingerprints = home, plan, fingerprints
        self._finished = set(finished)
        self._skipped: set[str] = set()
        self._slots = 1
        self._progress, self._check, self._stop = progress, check, stop
        self._topic = f"effq-{progress.run_id}-{secrets.token_hex(4)}"
        self._driver = (socket.gethostname(), *Process.own())
        self._active: dict[str, _Active] = {}
        self._attempts: dict[str, int] = {}
        self._deaths: dict[str, int] = {}
        self._losses = 0

    def run(self, *, renew_worker: bool) -> None:
        """Makes every missing artifact; Cancelled once no stage works any more, or EffqError.

        ``renew_worker`` ends what a dead driver may have left on the embedded engine first.
        """
        with contextlib.closing(Session(self._home, self._topic, self._check)) as session:
            if renew_worker and session.embedded:
                session.renew_worker()
            self._slots = 1 if session.embedded else session.slots()
            self._divide()
            try:
                while len(self._finished) + len(self._skipped) < len(self._plan):
                    self._submit_ready(session)
                    self._receive(session)
                    self._check()
            except EffqError:
                self._drain(session)
                raise

    def _divide(self) -> None:
        plan = in_parts(self._plan, self._finished, self._slots)
        if plan is not self._plan:
            self._plan, self._fingerprints = plan, fingerprints(plan)
            self._progress.plan(plan, self._fingerprints, self._finished)

    def _submit_ready(self, session: Session) -> None:
        active = {each.task.spec.name for each in self._active.values()}
        left_out = self._finished | self._skipped | active
        ready = [
            (position, spec)
            for position, spec in enumerate(self._plan)
            if spec.name not in left_out and self._finished.issuperset(spec.needs)
        ]
        if self._slots > 1 and (
            any(not spec.exclusive for _, spec in ready)
            or any(not each.task.spec.exclusive for each in self._active.values())
        ):
            # A measurement waits for its host's cores, and would hold up every other worker.
            ready = [each for each in ready if not each[1].exclusive]
        for position, spec in ready[: self._room(session)]:
            task = self._task(spec)
            self._active[task.key] = _Active(task)
            self._progress.stage(spec.name, detail="waiting for a worker")
            session.submit(task, priority=-position)

    def _room(self, session: Session) -> int:
        """Returns how many tasks more may be submitted: here, all that are ready."""
        return len(self._plan)

    def _task(self, spec: StageSpec) -> StageTask:
        attempt = self._attempts[spec.name] = self._attempts.get(spec.name, 0) + 1
        return StageTask(
            run_id=self._progress.run_id,
            spec=spec,
            fingerprint=self._fingerprints[spec.name],
            inputs={n: (self._plan[s].kind, self._fingerprints[s]) for n, s in spec.inputs.items()},
            home=str(self._home.root),
            topic=self._topic,
            attempt=attempt,
            parts=tuple((self._plan[n].kind, self._fingerprints[n]) for n in spec.parts),
            driver=self._driver,
        )

    def _receive(self, session: Session) -> None:
        if not session.healthy():
            self._lose(list(self._active), "The engine ended.")
            session.reopen()
            return
        wait = _TICK
        while True:
            try:
                message = session.inbox.get(timeout=wait) if wait else session.inbox.get_nowait()
            except queue.Empty:
                return
            wait = 0
            try:
                self._take(session, message)
            except WorkerLost as lost:
                if session.healthy():
                    self._lose([message["key"]], str(lost))

    def _note(self, active: _Active, message: dict[str, Any]) -> None:
        name, what = active.task.spec.name, message["what"]
        if what == "started":
            active.started += 1
            if active.started > 1:  # an external scheduler has tried again by itself
                self._count_death(name, "Its process ended.")
        elif what == "running":
            self._progress.stage(
                name, state=StageState.RUNNING, started=time.time(), detail="", done=0, total=0
            )
        elif what == "waiting":
            self._progress.stage(name, detail=message["detail"])
        elif what == "progress":
            done = message["done"]
            self._progress.stage(name, done=done, total=message["total"], unit=message["unit"])
        elif what == "event":
            self._record(active, message)

    def _take(self, session: Session, message: dict[str, Any]) -> None:
        key, what = message.get("key", ""), message["what"]
        active = self._active.get(key)
        if active is None:
            return  # of a task that has ended or was given up
        if what == "outcome":
            session.withdraw(key)
            self._end(active, message["outcome"])
        elif what == "finished":
            self._end(active, session.outcome(key))
        else:
            self._note(active, message)

    def _record(self, active: _Active, event: dict[str, Any]) -> None:
        if event["number"] in active.events:
            return
        active.events.add(event["number"])
        self._progress.event(event["kind"], active.task.spec.name, **event["values"])

    def _end(self, active: _Active, outcome: dict[str, Any]) -> None:
        spec = active.task.spec
        del self._active[active.task.key]
        for event in outcome["events"]:
            self._record(active, event)
        state = outcome["state"]
        if state in ("done", "reused"):
            self._finished.add(spec.name)
            self._progress.end(spec.name, StageState(state))
            return
        if state == "cancelled":
            self._progress.end(spec.name, StageState.CANCELLED)
            self._check()
            raise error_from(outcome)
        self._progress.end(spec.name, StageState.FAILED)
        self._fail(spec, error_from(outcome))

    def _fail(self, spec: StageSpec, error: EffqError) -> None:
        """Decides what becomes of the rest when a stage has failed: here, nothing."""
        raise error

    def _lose(self, keys: list[str], reason: str) -> None:
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            message = f"The engine was lost {self._losses} times in this run."
            raise EngineError(message, "See the engine's log with `effq doctor`.")
        for key in keys:
            active = self._active.pop(key)
            name = active.task.spec.name
            self._progress.stage(name, state=StageState.PENDING, started=None, done=0, total=0)
            if active.started:
                self._count_death(name, reason)

    def _count_death(self, name: str, reason: str) -> None:
        deaths = self._deaths[name] = self._deaths.get(name, 0) + 1
        self._progress.event("worker_lost", name, attempt=deaths, reason=reason)
        if deaths > RETRIES:
            self._progress.end(name, StageState.FAILED)
            raise EngineError(
                f"The worker died {deaths} times in the stage {name}. {reason}",
                "It has probably run out of memory: choose a smaller batch or fewer images, "
                "or close other programs, then run again.",
            )

    def _drain(self, session: Session) -> None:
        self._stop()
        begun = time.monotonic()
        while self._active and session.healthy():
            waited = time.monotonic() - begun
            if waited > _PATIENCE:
                break
            if waited > _NEWS_SECONDS:
                for key in [key for key, each in self._active.items() if not each.started]:
                    session.withdraw(key)
                    del self._active[key]
            try:
                message = session.inbox.get(timeout=_TICK)
            except queue.Empty:
                continue
            try:
                self._take(session, message)
            except (EffqError, WorkerLost) as ended:
                self._active.pop(message["key"], None)
                log.info("%s ended while stopping: %s", message["key"], ended)
        if self._active:
            log.warning("No answer from %s: ending the worker.", ", ".join(self._active))
            session.kill(set(self._active))
