"""The process behind the embedded engine: a Dask scheduler and one worker, on loopback only."""

import asyncio
import datetime
import errno
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import Nanny, Scheduler, Worker
from distributed.security import Security

from effq_core.base.errors import EffqError, EngineError
from effq_core.base.files import make_folder, write_atomic, write_json
from effq_core.base.locks import TEMPORARY, FileLock
from effq_core.base.settings import WORKER_ENVIRONMENT, Home
from effq_core.jobs.process import Process
from effq_core.pipeline import engine_files

_NAME = "effq-engine"
# Dates protect nothing here, but a clock set back must not make it "not yet valid".
_VALID = datetime.timedelta(days=3650)


def write_credentials(folder: Path) -> None:
    """Makes a key and its self-signed certificate, readable by this user only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    write_atomic(folder / engine_files.CERTIFICATE, certificate.public_bytes(encoding), 0o600)
    secret = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomic(folder / engine_files.KEY, secret, 0o600)


log = logging.getLogger("effq.engine")

_IDLE_SECONDS = 900.0  # how long the engine may be idle until it ends
_WORKER_IDLE_SECONDS = 60.0  # until a worker that has worked is replaced, to free memory

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
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(WORKER_ENVIRONMENT, ""),
}


class _NoHttp:
    """Dask always opens an unencrypted status server; nobody asked for one here."""

    http_server = None

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing."""


class QuietScheduler(_NoHttp, Scheduler):  # type: ignore[misc]
    """A scheduler that listens for encrypted Dask connections only."""


class QuietWorker(_NoHttp, Worker):  # type: ignore[misc]
    """A worker for encrypted Dask connections only, whose temporary folder goes with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        os.environ.setdefault(TEMPORARY, tempfile.gettempdir())
        folder = Path(self.local_directory) / "tmp"
        folder.mkdir(mode=0o700)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        return float(text or default)
    except ValueError:
        raise EngineError(f"{name} is {text!r}.", "Give seconds as a number.") from None


def _port() -> int:
    text = os.environ.get("EFFQ_ENGINE_PORT", "0")
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise EngineError(f"EFFQ_ENGINE_PORT is {text!r}.", "Choose a port from 1024 to 65535.")
    return port


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

    Raises:
        EngineError: If the port is taken or a setting is malformed.
    """
    port = _port()
    engine_idle = _seconds("EFFQ_ENGINE_IDLE", _IDLE_SECONDS)
    worker_idle = _seconds("EFFQ_WORKER_IDLE", _WORKER_IDLE_SECONDS)
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
            name="effq",
        )
        try:
            write_json(
                folder / engine_files.STATE,
                {
                    "address": scheduler.address,
                    **Process.own()._asdict(),
                    "started": time.time(),
                    "code": engine_files.code_stamp(),
                },
                0o600,
            )
            await _until_idle(scheduler, nanny, stop, engine_idle, worker_idle)
        finally:
            (folder / engine_files.STATE).unlink(missing_ok=True)
            await nanny.close(timeout=2)
    finally:
        await scheduler.close()


async def _until_idle(
    scheduler: Scheduler, nanny: Nanny, stop: asyncio.Event, engine_idle: float, worker_idle: float
) -> None:
    used, renewed = time.monotonic(), scheduler.transition_counter
    while not stop.is_set():
        # The scheduler itself is listed as a client for fire-and-forget tasks.
        clients = [name for name in scheduler.clients if name != "fire-and-forget"]
        if clients or any(worker.processing for worker in scheduler.workers.values()):
            used = time.monotonic()
        idle = time.monotonic() - used
        if idle > engine_idle:
            log.info("Idle for %.0f s: ending.", engine_idle)
            return
        # Tasks have changed since: the worker has worked, and TensorFlow keeps what it once had.
        if idle > worker_idle and scheduler.transition_counter != renewed:
            log.info("Idle for %.0f s: renewing the worker.", worker_idle)
            # A task that comes meanwhile waits for the new worker, in place of dying with the old.
            for address in scheduler.workers:
                scheduler.handle_worker_status_change("paused", address, "renewal")
            if await nanny.restart(reason="idle") != "OK":
                log.warning("The worker could not be renewed: ending.")
                return
            renewed = scheduler.transition_counter
        try:
            await asyncio.wait_for(stop.wait(), timeout=0.5)
        except TimeoutError:
            continue


def main() -> int:
    """Runs the one engine of ``EFFQ_HOME``: 0 also where another runs, 3 where it cannot start."""
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
        engine_files.sign(folder)
        (folder / engine_files.STATE).unlink(missing_ok=True)  # of one that was killed
        # What scheduler and worker need while they live is in the store, where a repair finds it.
        own = {"temporary-directory": str(make_folder(folder / engine_files.WORKERS))}
        with dask.config.set(_CONFIG | own):
            asyncio.run(serve(home))
    except EffqError as error:
        log.error("%s", error)
        write_json(
            folder / engine_files.ERROR,
            {"pid": os.getpid(), "message": error.message, "hint": error.hint},
        )
        return 3
    return 0
