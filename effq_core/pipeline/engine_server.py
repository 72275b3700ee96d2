"""The process behind the embedded engine: a Dask scheduler and one worker, on loopback only."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import sys
import time
from typing import Any

import dask
from distributed import Nanny, Scheduler, Worker
from distributed.security import Security

from effq_core.errors import EffqError, EngineError
from effq_core.pipeline import engine_files
from effq_core.pipeline.credentials import write_credentials
from effq_core.settings import Home
from effq_core.store.files import make_folder, write_json
from effq_core.store.locks import FileLock
from effq_core.store.processes import process_token

log = logging.getLogger("effq.engine")

_IDLE_SECONDS = 900.0

_CONFIG = {
    # A dead worker's task comes back to the driver, which counts, tells, and tries again.
    "distributed.scheduler.allowed-failures": 0,
    # A converter may hold the interpreter for minutes; a dead process is noticed by its socket.
    "distributed.scheduler.worker-ttl": None,
    # A worker that cannot be started again must not keep a run waiting for ever.
    "distributed.scheduler.no-workers-timeout": "60s",
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
    # Stages may start processes of their own.
    "distributed.worker.daemon": False,
    "distributed.admin.tick.limit": "1h",
    # An idle engine must not disturb measurements; the defaults wake it fifty times a second.
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(engine_files.WORKER_ENVIRONMENT, ""),
}


class _NoHttp:
    """Dask always opens an unencrypted status server; nobody asked for one here."""

    http_server = None

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing."""


class QuietScheduler(_NoHttp, Scheduler):  # type: ignore[misc]
    """A scheduler that listens for encrypted Dask connections only."""


class QuietWorker(_NoHttp, Worker):  # type: ignore[misc]
    """A worker that listens for encrypted Dask connections only."""


def _port() -> int:
    text = os.environ.get("EFFQ_ENGINE_PORT", "0")
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise EngineError(f"EFFQ_ENGINE_PORT is {text!r}.", "Choose a port from 1024 to 65535.")
    return port


def _idle_limit() -> float:
    text = os.environ.get("EFFQ_ENGINE_IDLE", "")
    try:
        return float(text or _IDLE_SECONDS)
    except ValueError:
        raise EngineError(f"EFFQ_ENGINE_IDLE is {text!r}.", "Give seconds as a number.") from None


async def _start_scheduler(security: Security, port: int) -> Scheduler:
    try:
        scheduler = QuietScheduler(
            host="127.0.0.1", port=port, protocol="tls", security=security, dashboard=False
        )
        return await scheduler
    except (OSError, RuntimeError) as error:
        cause: BaseException | None = error
        while cause is not None and getattr(cause, "errno", None) != errno.EADDRINUSE:
            cause = cause.__cause__
        if cause is None:
            raise
        raise EngineError(
            f"The port {port} for the engine is taken by another program.",
            "Set EFFQ_ENGINE_PORT to a free port, or unset it to let EffQ choose one.",
        ) from error


async def serve(home: Home) -> None:
    """Runs the engine until it is idle for long or told to stop.

    Args:
        home: The store it belongs to.

    Raises:
        EngineError: If the port is taken or a setting is malformed.
    """
    idle_limit, port = _idle_limit(), _port()
    folder = home.engine
    write_credentials(folder)
    security = engine_files.security(folder)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scheduler = await _start_scheduler(security, port)
    try:
        nanny = await Nanny(
            scheduler.address,
            nthreads=1,
            security=security,
            host="127.0.0.1",
            protocol="tls",
            memory_limit=0,
            worker_class=QuietWorker,
            local_directory=str(make_folder(folder / "worker")),
            name="effq",
        )
        try:
            write_json(
                folder / engine_files.STATE,
                {
                    "address": scheduler.address,
                    "pid": os.getpid(),
                    "token": process_token(os.getpid()),
                    "started": time.time(),
                    "code": engine_files.code_stamp(),
                },
                0o600,
            )
            await _until_idle(scheduler, stop, idle_limit)
        finally:
            (folder / engine_files.STATE).unlink(missing_ok=True)
            await nanny.close(timeout=2)
    finally:
        await scheduler.close()


async def _until_idle(scheduler: Scheduler, stop: asyncio.Event, limit: float) -> None:
    used = time.monotonic()
    while not stop.is_set():
        # The scheduler itself is listed as a client for fire-and-forget tasks.
        clients = [name for name in scheduler.clients if name != "fire-and-forget"]
        if clients or any(worker.processing for worker in scheduler.workers.values()):
            used = time.monotonic()
        elif time.monotonic() - used > limit:
            log.info("Idle for %.0f s: ending.", limit)
            return
        try:
            await asyncio.wait_for(stop.wait(), timeout=0.5)
        except TimeoutError:
            continue


def main() -> int:
    """Runs the engine of ``EFFQ_HOME``; its one instance.

    Returns:
        The exit code: 0 also where another instance runs already, 3 where it cannot be started.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    home = Home.from_environment()
    folder = home.engine
    try:
        make_folder(folder, 0o700).chmod(0o700)
        lock = FileLock(folder / engine_files.LOCK)
        if not lock.try_acquire():
            return 0
        (folder / engine_files.STATE).unlink(missing_ok=True)  # of one that was killed
        with dask.config.set(_CONFIG):
            asyncio.run(serve(home))
    except EffqError as error:
        log.error("%s", error)
        write_json(
            folder / engine_files.ERROR,
            {"pid": os.getpid(), "message": error.message, "hint": error.hint},
        )
        return 3
    return 0
