"""The driver: one light process a run. It plans, submits, records, and ends."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from effq_core.base.errors import Cancelled, EffqError, StageError, StoreError
from effq_core.base.registry import resolve
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs import kinds
from effq_core.jobs.files import raise_flag
from effq_core.jobs.process import Process
from effq_core.pipeline.context import STOP
from effq_core.pipeline.control import DEFAULT_PLAN, prepare_again, run_files
from effq_core.pipeline.engine import external_scheduler
from effq_core.pipeline.progress import OnUpdate, Progress
from effq_core.pipeline.queue_turn import turn
from effq_core.pipeline.stage import LAST, Plan, fingerprints
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageState, Status
from effq_core.store.runfiles import Reserve, run_kind

if TYPE_CHECKING:
    from effq_core.pipeline.executor import Executor

log = logging.getLogger("effq.driver")

_EXIT_CODES = {Status.FINISHED: 0, Status.CANCELLED: kinds.CANCELLED}
_WRITE_TRIES = 5


class Driver:
    """Takes one run from queued to its end."""

    kind: ClassVar[str] = "run"

    def __init__(
        self, home: Home, database: Database, run: RunRow, on_update: OnUpdate | None
    ) -> None:
        self._home, self._database = home, database
        self._store = ArtifactStore(home)
        self._progress = Progress(database, run, on_update)
        self._files = run_files(home, run.id)
        self._reserve = Reserve(self._files.folder)

    @classmethod
    def work(cls, home: Home, run_id: str, plan: str = DEFAULT_PLAN) -> int:
        """Works on a run in a process of its own; returns the exit code."""
        # Who cancels a run while its driver is being born does not see it run all the same.
        run = run_foreground(home, run_id, plan=plan, again=False, driver=cls)
        return _EXIT_CODES.get(run.status, 1)

    def drive(self, plan: str) -> RunRow:
        """Runs the stages and records how it ended."""
        pid, token = Process.own()
        try:
            self._reserve.take()
            self._progress.status(Status.QUEUED, driver_pid=pid, driver_started=token)
            self._check()
            self._work(plan)
        except (Cancelled, KeyboardInterrupt):  # a second Ctrl-C; a notebook lives on after it
            self._end(StageState.CANCELLED, Status.CANCELLED)
        except EffqError as error:
            self._end(StageState.CANCELLED, Status.FAILED, error=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - recorded with an id
            self._end(StageState.CANCELLED, Status.FAILED, **self._bug(error))
        finally:
            self._reserve.give()
        return self._progress.run

    def _work(self, builder: str) -> None:
        plan = load_plan(builder)(Experiment.from_dict(self._progress.run.experiment), self._home)
        if LAST not in plan:
            raise StageError(f"The plan of {builder} has no stage {LAST!r}.")
        named = fingerprints(plan)
        self._carry_out(plan, named)
        self._progress.status(Status.FINISHED, finished=time.time(), results=named[LAST])

    def _carry_out(self, plan: Plan, named: dict[str, str]) -> set[str]:
        """Makes what is missing; returns the stages that were finished before."""
        finished = self._find(plan, named)
        self._progress.plan(plan, named, finished)
        if len(finished) < len(plan):
            self._make(plan, named)
        else:
            self._progress.status(Status.RUNNING, started=time.time())
        return finished

    def _make(self, plan: Plan, named: dict[str, str]) -> None:
        home, run_id = self._home, self._progress.run.id
        queue = (
            contextlib.nullcontext(False)
            if external_scheduler()
            else turn(home, self._database, run_id, self._check)
        )
        with queue as last_died:
            self._progress.status(Status.RUNNING, started=time.time())
            self._store.sweep()  # what killed workers have left, of whatever stage
            # While this run waited, another may have made what it needs.
            finished = self._find(plan, named)
            self._progress.plan(plan, named, finished)
            self._executor(plan, named, finished).run(renew_worker=last_died)

    def _executor(self, plan: Plan, named: dict[str, str], finished: set[str]) -> Executor:
        from effq_core.pipeline.executor import Executor  # Dask: not needed for a run of reuse

        return Executor(self._home, plan, named, finished, self._progress, self._check, self._stop)

    def _stop(self) -> None:
        raise_flag(self._files.folder / STOP)

    def _find(self, plan: Plan, named: dict[str, str]) -> set[str]:
        finished = {s.name for s in plan if self._store.find(s.kind, named[s.name]) is not None}
        for warning in self._store.take_warnings():
            self._progress.event("warning", message=warning)
        return finished

    def _check(self) -> None:
        self._progress.beat()
        if not self._files.is_asked_to_stop:
            return
        if self._progress.run.status == Status.RUNNING:
            self._progress.status(Status.CANCELLING)
        raise Cancelled("The run was cancelled.", "Run it again to resume where it stopped.")

    def _end(self, stages: StageState, status: Status, **values: Any) -> None:
        """Records the end, also on a full disk: for that there is the reserve."""
        self._reserve.give()
        for left in reversed(range(_WRITE_TRIES)):
            try:
                self._progress.end_rest(stages)
                self._progress.status(status, finished=time.time(), **values)
            except StoreError as error:
                log.error("The end of the run cannot be recorded: %s", error)
                if not left:
                    raise
                time.sleep(0.5)
            else:
                return

    def _bug(self, error: Exception) -> dict[str, str]:
        bug = secrets.token_hex(4)
        lines = "".join(traceback.format_exception(error))
        log.error("Bug %s:\n%s", bug, lines)
        with contextlib.suppress(StoreError):
            self._progress.event("bug", id=bug, type=type(error).__name__, traceback=lines[-4000:])
        return {
            "error": f"The driver failed ({type(error).__name__}: {error}; bug {bug}).",
            "hint": "This is a fault of EffQ. Finished stages are kept; report it with its id.",
        }


def run_foreground(
    home: Home,
    run_id: str,
    on_update: OnUpdate | None = None,
    plan: str = DEFAULT_PLAN,
    *,
    again: bool = True,
    driver: type[Driver] | None = None,
) -> RunRow:
    """Works on a run here until it ends or is cancelled; ``again``: also one that was cancelled."""
    files, driver = run_files(home, run_id), driver or Driver
    with Database(home.database) as database:
        database.get_run(run_id)  # says that there is none before a folder is made for it
        if (kind := run_kind(files.folder)) != driver.kind:
            raise StageError(f"{run_id} is no {driver.kind} but a {kind}.", "Choose another.")
        with files.worked_on(f"the run {run_id}"):
            run = database.get_run(run_id)
            if run.status == Status.CANCELLED and not again:
                return run
            if run.status != Status.QUEUED:
                run = prepare_again(database, home, run)
            with files.signals_cancel():
                return driver(home, database, run, on_update).drive(plan)


def load_plan(builder: str) -> Callable[[Experiment, Home], Plan]:
    """Returns what makes a plan, named as ``module:function``."""
    try:
        function: Callable[[Experiment, Home], Plan] = resolve(builder)
    except (ImportError, AttributeError) as error:
        message = f"The plan cannot be made by {builder} ({error})."
        raise StageError(message, "Reinstall EffQ.") from error
    return function


kinds.register(Driver.kind, Driver.work)
