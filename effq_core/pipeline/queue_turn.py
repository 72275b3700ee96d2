"""The queue of runs before the embedded engine: one driver at a time has it."""

import contextlib
import time
from collections.abc import Callable, Iterator

from effq_core.base.files import read_json, write_json
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.pipeline import engine_files
from effq_core.pipeline.engine import external_scheduler
from effq_core.results import wording
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, Status

_POLL = 0.15
_PATIENCE = 5.0


@contextlib.contextmanager
def turn(
    home: Home, database: Database, run_id: str, on_wait: Callable[[], None]
) -> Iterator[bool]:
    """Holds the engine in this run's turn; yields whether the last holder died while working."""
    lock = FileLock(home.engine / engine_files.QUEUE)
    holder = home.engine / "queue.json"
    free_since: float | None = None
    while True:
        on_wait()
        if lock.try_acquire():
            now = time.monotonic()
            free_since = free_since or now
            # An older run that does not take a free engine must not hold everybody up.
            if _is_first(database, run_id) or now - free_since > _PATIENCE:
                break
            lock.release()
        else:
            free_since = None
        time.sleep(_POLL)
    with lock:
        died = not (read_json(holder) or {}).get("clean", True)
        write_json(holder, {"run": run_id, "clean": False})
        try:
            yield died
        finally:  # also when the run failed; only a killed driver leaves it undone
            write_json(holder, {"run": run_id, "clean": True})


def queue_text(database: Database, run: RunRow) -> str:
    """Says where a queued run stands and what it waits for; nothing, where it has its turn."""
    if run.status is not Status.QUEUED or external_scheduler() is not None:
        return ""
    active = [each for each in _driven(database) if each.id != run.id]
    waiting = [each for each in active if each.status is Status.QUEUED and each.id < run.id]
    at_work = [each for each in active if each.status is not Status.QUEUED]
    ahead = sorted(at_work or waiting, key=lambda each: each.id)
    return wording.queue_text(len(waiting) + 1, ahead[0]) if ahead else ""


def _driven(database: Database) -> list[RunRow]:
    runs = database.list_runs()
    return [run for run in runs if run.status.is_active and run.driver_pid is not None]


def _is_first(database: Database, run_id: str) -> bool:
    waiting = [run.id for run in _driven(database) if run.status is Status.QUEUED]
    return not waiting or min(waiting) == run_id
