"""Starting, cancelling and resuming runs from any process."""

import time

from effq_core.base.errors import InputError
from effq_core.base.files import make_folder, remove_file
from effq_core.base.locks import FileLock
from effq_core.base.run_ids import validate_run_id
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.files import JobFiles, raise_flag
from effq_core.jobs.limits import refuse_more
from effq_core.pipeline.context import STOP, TIME_NOW
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, Status
from effq_core.store.runfiles import run_kind

DEFAULT_PLAN = "effq_core.pipeline.plan:build_plan"
MOST_QUEUED = 20  # runs that may wait or run in a store: more are surely a mistake


def run_files(home: Home, run_id: str) -> JobFiles:
    """Returns the files that a run's driver and others share; refuses what is no run's id."""
    return JobFiles.in_folder(home.runs / validate_run_id(run_id))


def enter(home: Home, database: Database, experiment: Experiment, name: str = "") -> str:
    """Makes a queued run, which somebody has to drive; BusyError where the queue is full."""
    with _entering(home):
        _refuse_crowd(database)
        return database.create_run(experiment, name)


def _entering(home: Home) -> FileLock:
    """Locks out others who put a run into the queue, so that two do not take one place or run."""
    return FileLock(home.engine / "entering")


def _refuse_crowd(database: Database, besides: str = "") -> None:
    refuse_more(
        sum(run.status.is_active and run.id != besides for run in database.list_runs()),
        MOST_QUEUED,
        "runs are running or waiting",
        "Wait for one to end, or cancel one that nobody needs; nothing you chose is lost.",
    )


def start_detached(home: Home, run_id: str, plan: str = DEFAULT_PLAN) -> int:
    """Starts a run's driver as a process of its own, which outlives this one; returns its pid."""
    files = run_files(home, run_id)
    with Database(home.database) as database:
        database.get_run(run_id)
        process = files.start(home, run_kind(home.runs / run_id), run_id, plan)
        # Until the driver says so itself, so that one that dies at birth is noticed.
        database.set_driver(run_id, process)
    return process.pid


def request_cancel(home: Home, run_id: str) -> RunRow:
    """Asks a run to stop; it does within five seconds."""
    with Database(home.database) as database:
        run = database.get_run(run_id)
        if not run.status.is_active:
            return run
        run_files(home, run_id).ask_to_stop()
        if run.driver_pid is None:  # nobody is there to answer
            return database.change_status(run, Status.CANCELLED, finished=time.time())[0]
        return run  # not from here: the driver may be about to write how the run ended


def time_now(home: Home, run_id: str) -> None:
    """Lets a run time its files without waiting for quiet; InputError if it has ended."""
    with Database(home.database) as database:
        run = database.get_run(run_id)
    if not run.status.is_active:
        hint = "`effq run --remeasure` with the same choices times its files again."
        raise InputError(f"The run {run.id} is {run.status}: it has nothing left to time.", hint)
    raise_flag(make_folder(home.runs / run.id) / TIME_NOW)


def prepare_again(database: Database, home: Home, run: RunRow) -> RunRow:
    """Makes an ended run ready again, under its driver's lock; InputError if it has changed."""
    with _entering(home):
        return _prepare(database, home, run)


def _prepare(database: Database, home: Home, run: RunRow) -> RunRow:
    now = database.get_run(run.id)
    if (now.status, now.driver_pid) != (run.status, run.driver_pid):
        raise _active(now)  # and who asked its driver to stop did not ask in vain
    _refuse_crowd(database, besides=run.id)
    run_files(home, run.id).forget_cancel()
    for flag in (STOP, TIME_NOW):
        remove_file(home.runs / run.id / flag)
    queued, changed = database.change_status(
        run,
        Status.QUEUED,
        started=None,
        finished=None,
        error="",
        hint="",
        results=None,
        driver_pid=None,
        driver_started=None,
    )
    if not changed:
        raise _active(queued)
    return queued


def _active(run: RunRow) -> InputError:
    return InputError(f"The run {run.id} is {run.status} already.", "Wait, or cancel it.")


def resume(home: Home, run_id: str, plan: str = DEFAULT_PLAN) -> int:
    """Runs an ended run again, reusing its stages; returns its pid. InputError if it is active."""
    with Database(home.database) as database, _entering(home):
        # Read here, not before: of two who resume it at once, the second finds it active.
        run = database.get_run(run_id)
        if run.status.is_active and run.driver_pid is not None:
            raise _active(run)
        if not run.status.is_active:
            _prepare(database, home, run)
        return start_detached(home, run_id, plan)
