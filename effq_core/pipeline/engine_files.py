"""What the embedded engine and those who use it agree on: file names, environment, credentials."""

import hashlib
import json
from pathlib import Path
from typing import Any

from effq_core.base import plugins
from effq_core.base.files import read_json, store_errors
from effq_core.base.settings import PACKAGE, WORKER_ENVIRONMENT, process_environment
from effq_core.jobs.process import Process, is_alive

STATE = "engine.json"
LOCK = "engine.lock"
ERROR = "error.json"
LOG = "engine.log"
QUEUE = "queue.lock"
CERTIFICATE = "certificate.pem"
KEY = "key.pem"
WORKERS = "worker"  # folder of what workers need while they live, with a lock beside each


_FORCED = ("TF_USE_LEGACY_KERAS",)


def engine_environment(home: Path) -> dict[str, str]:
    """Returns the environment of the engine and its worker; a user's own settings win."""
    environment = WORKER_ENVIRONMENT | process_environment(home)
    return environment | {name: WORKER_ENVIRONMENT[name] for name in _FORCED}


def sign(folder: Path) -> None:
    """Writes into the engine's lock which process holds it; only for the holder."""
    lock = folder / LOCK
    with store_errors(lock):  # in place: another file would be another lock
        lock.write_text(json.dumps(Process.own()._asdict()), encoding="ascii")


def holder(folder: Path) -> dict[str, Any] | None:
    """Returns ``pid`` and ``token`` of the engine that starts, runs or ends; ``None`` without."""
    for name in (LOCK, STATE):  # engines of older code did not sign the lock
        signed = read_json(folder / name) or {}
        if is_alive(signed.get("pid"), signed.get("token")):
            return signed
    return None


def security(folder: Path) -> Any:
    """Returns the ``distributed.security.Security`` of an engine's folder for every role."""
    from distributed.security import Security  # slow to import, and few need it

    certificate, key = str(folder / CERTIFICATE), str(folder / KEY)
    roles = ("client", "scheduler", "worker")
    return Security(
        require_encryption=True,
        tls_ca_file=certificate,
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )


def code_stamp() -> str:
    """Identifies this installation's code and plug-ins, to tell an engine that runs older ones."""
    digest = hashlib.sha256(str(PACKAGE).encode())
    for path in (*sorted(PACKAGE.rglob("*.py")), *plugins.files()):
        found = path.stat()
        digest.update(f"{path.name}:{found.st_size}:{found.st_mtime_ns};".encode())
    return digest.hexdigest()[:16]
