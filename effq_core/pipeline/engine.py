"""The engine: a Dask cluster of our own, started on demand, or one that exists."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effq_core.base.errors import EngineError
from effq_core.base.files import make_folder, read_json, store_errors
from effq_core.base.locks import is_locked
from effq_core.base.settings import Home
from effq_core.jobs.process import is_alive, reap_later, spawn
from effq_core.pipeline import engine_files

if TYPE_CHECKING:
    from distributed import Client

_START_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_EMBEDDED_SECONDS = 4.0
_POLL = 0.05
_LOG_LIMIT = 2_000_000


def external_scheduler() -> str | None:
    """Returns the address of an existing cluster, if the user named one (``EFFQ_SCHEDULER``)."""
    return os.environ.get("EFFQ_SCHEDULER") or None


def connect(
    home: Home, *, fresh: bool = False, on_wait: Callable[[], None] | None = None
) -> Client:
    """Connects to the engine, starting the embedded one where none runs, or again if ``fresh``."""
    address = external_scheduler()
    if address is not None:
        return _connect_external(address)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        state = running(home)
        if state is not None and fresh and state.get("code") != engine_files.code_stamp():
            stop(home)
            state = None
        if state is None:
            state = _start(home, deadline, on_wait)
        try:
            return _client(state["address"], engine_files.security(home.engine), _EMBEDDED_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            # It may have ended between our look and our call; then the next round starts one.
            if time.monotonic() > deadline:
                message = f"The engine at {state['address']} does not answer ({error})."
                hint = f"Its log is {home.engine / engine_files.LOG}; `effq doctor` checks it."
                raise EngineError(message, hint) from error
            if fresh:  # it runs and does not answer: nobody else's work is lost with it
                stop(home, timeout=1.0)
            time.sleep(0.2)


def running(home: Home) -> dict[str, Any] | None:
    """Returns ``address``, ``pid``, ``token``, ``started``, ``code`` of the engine, if it runs."""
    state = read_json(home.engine / engine_files.STATE)
    return None if state is None or not is_alive(state.get("pid"), state.get("token")) else state


def stop(home: Home, timeout: float = 8.0) -> bool:
    """Ends the embedded engine and its worker, also one just starting; says whether one ran."""
    state = engine_files.holder(home.engine)
    if state is None:
        return False
    pid, token = state["pid"], state["token"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while is_alive(pid, token):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)  # its worker ends with it
            time.sleep(_POLL)
    return True


def _start(home: Home, deadline: float, on_wait: Callable[[], None] | None) -> dict[str, Any]:
    process = None
    try:
        while time.monotonic() < deadline:
            state = running(home)
            if state is not None:
                return state
            if process is not None and process.poll() not in (None, 0):
                raise _reason(home, process)
            ended = process is None or process.poll() is not None
            if ended and not is_locked(home.engine / engine_files.LOCK):
                process = _spawn(home)
            if on_wait is not None:
                on_wait()
            time.sleep(_POLL)
    finally:
        if process is not None:
            reap_later(process)
    message = f"The engine did not start within {_START_SECONDS:.0f} seconds."
    raise EngineError(message, f"Its log is {home.engine / engine_files.LOG}.")


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    log = make_folder(home.engine, 0o700) / engine_files.LOG
    with store_errors(log):
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".old.log"))
    arguments = ["-m", "effq_core.pipeline.engine"]
    return spawn(arguments, log, engine_files.engine_environment(home.root), home.root)


def _reason(home: Home, process: subprocess.Popen[bytes]) -> EngineError:
    told = read_json(home.engine / engine_files.ERROR) or {}
    if told.get("pid") == process.pid:
        return EngineError(told["message"], told["hint"])
    log = home.engine / engine_files.LOG
    try:
        last = log.read_text(errors="replace").strip().splitlines()[-1]
    except (OSError, IndexError):
        last = "no message"
    message = f"The engine ended while starting, with code {process.returncode} ({last[:300]})."
    return EngineError(message, f"Its log is {log}; `effq doctor` checks what it needs.")


def _connect_external(address: str) -> Client:
    from distributed.security import Security

    security = None
    if address.startswith("tls://"):
        files = {n: os.environ.get(n) for n in ("EFFQ_TLS_CA", "EFFQ_TLS_CERT", "EFFQ_TLS_KEY")}
        for name, file in files.items():
            if not file or not Path(file).is_file():
                message = f"{name} must name a file to connect to {address}, and is {file!r}."
                hint = "Set EFFQ_TLS_CA, EFFQ_TLS_CERT and EFFQ_TLS_KEY to the cluster's PEM files."
                raise EngineError(message, hint)
        security = Security(
            require_encryption=True,
            tls_ca_file=files["EFFQ_TLS_CA"],
            tls_client_cert=files["EFFQ_TLS_CERT"],
            tls_client_key=files["EFFQ_TLS_KEY"],
        )
    elif not address.startswith("tcp://"):
        raise EngineError(
            f"EFFQ_SCHEDULER is {address!r}.", "Give tls://host:port or tcp://host:port."
        )
    try:
        return _client(address, security, _CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise EngineError(
            f"The Dask scheduler at {address} cannot be reached ({error}).",
            "Start it, correct EFFQ_SCHEDULER (tls:// if it speaks TLS), or unset it to use the "
            "embedded engine.",
        ) from error


def _client(address: str, security: Any, timeout: float) -> Client:
    from distributed import Client

    # Not the default of this process: a dashboard may talk to several.
    return Client(
        address, security=security, timeout=timeout, set_as_default=False, name="effq-driver"
    )


if __name__ == "__main__":
    from effq_core.pipeline.engine_server import main

    sys.exit(main())
