"""What the engine is, and what it does: the answers of ``effq engine``."""

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from effq_core.base.errors import EngineError
from effq_core.base.files import remove_file, remove_tree
from effq_core.base.locks import FileLock, is_locked
from effq_core.base.plain import Plain
from effq_core.base.settings import Home
from effq_core.pipeline import engine
from effq_core.pipeline.engine_files import WORKERS
from effq_core.pipeline.registry import stage_title
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageState, Status

_ABANDONED_SECONDS = 3600.0
_WORKER = "quietworker-"  # begins the names of workers' folders; beside them is the scheduler's

_CANCEL_SECONDS = 15.0
_POLL = 0.1


@dataclass(frozen=True, kw_only=True)
class Work:
    """A run that is active."""

    run: str
    name: str
    status: str
    stages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EngineStatus(Plain):
    """The engine at one moment, or an existing (``external``) Dask cluster."""

    running: bool
    address: str = ""
    external: bool = False
    pid: int | None = None  # its process; ``None`` where it is not ours or does not run
    started: float | None = None  # when, in seconds since 1970; likewise
    workers: int = 0
    memory_bytes: int = 0
    work: tuple[Work, ...] = ()


def engine_status(home: Home) -> EngineStatus:
    """Looks at the engine of a store; starts and changes nothing."""
    work = active_work(home)
    if engine.external_scheduler() is not None:
        return _external(home, work)
    state = engine.running(home)
    if state is None:
        return EngineStatus(running=False, work=work)
    return EngineStatus(
        running=True,
        address=state["address"],
        pid=state["pid"],
        started=state["started"],
        workers=living_workers(home),
        memory_bytes=_memory(state["pid"]),
        work=work,
    )


def active_work(home: Home) -> tuple[Work, ...]:
    """Returns the runs that somebody works on or waits with."""
    if not home.database.exists():
        return ()  # looking must not make one
    with Database(home.database) as database:
        runs = [run for run in database.list_runs() if run.status.is_active and run.driver_pid]
        runs.sort(key=lambda run: (run.status is Status.QUEUED, run.id))
        return tuple(_work(database, run) for run in runs)


def _work(database: Database, run: RunRow) -> Work:
    stages = [each for each in database.stages(run.id) if each.state is StageState.RUNNING]
    titles = tuple(stage_title(each.name) for each in stages)
    return Work(run=run.id, name=run.name, status=str(run.status), stages=titles)


def stop_engine(home: Home, *, force: bool = False) -> tuple[EngineStatus, tuple[Work, ...]]:
    """Ends the embedded engine, unless in use; returns it as it was, and the runs cancelled."""
    external = engine.external_scheduler()
    if external is not None:
        raise EngineError(
            f"The engine is the Dask cluster {external}, which EffQ did not start.",
            "Stop it where it was started, or unset EFFQ_SCHEDULER to mean EffQ's own engine.",
        )
    status = engine_status(home)
    if status.work and not force:
        hint = "Wait for it to end, or give --force: it cancels first, and keeps what is finished."
        raise EngineError(f"The engine is in use: {'; '.join(map(described, status.work))}.", hint)
    _cancel(home, status.work)
    stopped = engine.stop(home)  # also one that is just starting, and has said nothing yet
    return replace(status, running=stopped), status.work


def described(work: Work) -> str:
    """Names a run, and says where it is."""
    name = f" “{work.name}”" if work.name else ""
    at = f" ({', '.join(work.stages)})" if work.stages else ""
    return f"run {work.run}{name} is {work.status}{at}"


def _cancel(home: Home, work: tuple[Work, ...]) -> None:
    """Cancels runs, and waits: a driver that loses its engine would start another."""
    from effq_core.pipeline.control import request_cancel

    for each in work:
        request_cancel(home, each.run)
    deadline = time.monotonic() + _CANCEL_SECONDS
    asked = {each.run for each in work}
    while left := [each for each in active_work(home) if each.run in asked]:
        if time.monotonic() > deadline:
            message = f"The engine still runs: {'; '.join(map(described, left))}."
            raise EngineError(message, "It was asked to stop; try again in a moment.")
        time.sleep(_POLL)


def _memory(pid: int) -> int:
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):  # it ends while we look
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += int(each.memory_info().rss)
    return total


def _external(home: Home, work: tuple[Work, ...]) -> EngineStatus:
    with contextlib.closing(engine.connect(home)) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        return EngineStatus(
            running=True,
            address=client.scheduler.address,
            external=True,
            workers=len(workers),
            memory_bytes=sum(int(each.get("metrics", {}).get("memory", 0)) for each in workers),
            work=work,
        )


def living_workers(home: Home) -> int:
    """Returns how many workers the embedded engine has."""
    return sum(is_locked(lock) for lock in _locks(home) if lock.name.startswith(_WORKER))


def sweep_workers(home: Home) -> int:
    """Removes the folders of workers and schedulers that were killed; returns how many."""
    top = _folder(home)
    if not top.is_dir():
        return 0
    with FileLock(top / "global.lock"):  # Dask's own: while it is held no worker is being born
        dead = [lock for lock in _locks(home) if not is_locked(lock)]
        folders = [lock.with_suffix("") for lock in dead] + _unlocked(top)
        found = [folder for folder in folders if folder.exists()]
        for folder in found:
            remove_tree(folder)
        for lock in dead:
            remove_file(lock)
    return len(found)


def _folder(home: Home) -> Path:
    return home.engine / WORKERS / "dask-scratch-space"


def _locks(home: Home) -> list[Path]:
    """Returns the lock beside each folder: its process holds it as long as it lives."""
    return sorted(_folder(home).glob("*.dirlock"))


def _unlocked(top: Path) -> list[Path]:
    """Returns folders without a lock that are too old to belong to a worker just being born."""
    old = time.time() - _ABANDONED_SECONDS
    return [
        e
        for e in top.iterdir()
        if e.is_dir() and not e.with_name(f"{e.name}.dirlock").exists() and e.stat().st_mtime < old
    ]
