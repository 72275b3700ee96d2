"""What a Dask worker does with a stage."""

import gc
import logging
import os
import secrets
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effq_core.base import errors
from effq_core.base.errors import Cancelled, EffqError, StageError, StoreError
from effq_core.base.files import is_store_fault, make_folder, remove_tree, store_error
from effq_core.base.locks import cores
from effq_core.base.settings import Home
from effq_core.pipeline.context import Link, Send, StageContext
from effq_core.pipeline.stage import StageTask, plain
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.manifest import Artifact, library_versions

log = logging.getLogger(__name__)

QUIET = "waiting for free cores"
TIMING = "waiting for a timing run to finish"  # what a stage waits for

_TRACEBACK_LINES = 12
# TensorFlow tells about a full disk in words of its own exceptions.
_NO_SPACE_WORDS = ("No space left on device", "Disk quota exceeded")


def run_stage(task: StageTask, send: Send | None = None) -> dict[str, Any]:
    """Makes a stage's artifact, unless it exists; returns ``state``, ``events``, any ``error``."""
    link = Link(task, send or _dask_sender(task.topic))
    link.send("started", pid=os.getpid())
    # Lets the message leave before a stage that may hold the interpreter for seconds.
    time.sleep(0.02)
    error: EffqError | None = None
    state = "failed"
    try:
        state = _make(task, link)
    except Cancelled as cancelled:
        state, error = "cancelled", cancelled
    except EffqError as known:
        error = known
    except (Exception, SystemExit) as unknown:  # noqa: BLE001 - reported with an id
        error = _explain(task, link, unknown)
    finally:
        gc.collect()
    outcome: dict[str, Any] = {"state": state, "events": link.events}
    if error is not None:
        outcome["error"] = {
            "type": _known_type(error).__name__,
            "message": error.message,
            "hint": error.hint,
        }
    # Sent as well: this process may soon be deep in the next stage, and could not be asked.
    link.send("outcome", outcome=outcome)
    return outcome


def error_from(outcome: dict[str, Any]) -> EffqError:
    """Makes the error again that :func:`run_stage` has returned."""
    told = outcome["error"]
    made: EffqError = getattr(errors, told["type"], EffqError)(told["message"], told["hint"])
    return made


def _make(task: StageTask, link: Link) -> str:
    home = Home(Path(task.home))
    if not home.root.is_dir():
        hint = "An external cluster must have EFFQ_HOME at the same path on every host."
        raise StoreError(f"The worker cannot see {home.root}.", hint)
    store, spec = ArtifactStore(home), task.spec
    with store.lock(spec.kind, task.fingerprint, _waiting(link, "another run is making the same")):
        if store.find(spec.kind, task.fingerprint) is not None:
            return "reused"
        for warning in store.take_warnings():
            link.event("warning", message=warning)
        inputs = {name: _input(store, *where) for name, where in task.inputs.items()}
        reason = QUIET if spec.exclusive else TIMING
        with cores(alone=spec.exclusive, on_wait=_waiting(link, reason)):
            link.check_cancelled()
            link.send("running")
            _work(task, link, store, inputs)
        scratch = home.scratch / spec.kind / task.fingerprint
        if scratch.exists():
            remove_tree(scratch)
    return "done"


def _work(task: StageTask, link: Link, store: ArtifactStore, inputs: dict[str, Artifact]) -> None:
    spec, home = task.spec, store.home
    function = spec.stage.function()
    manifest_inputs = {
        "params": spec.params,
        "version": spec.stage.version,
        "function": spec.stage.id,
        "inputs": {n: {"stage": m.stage, "fingerprint": m.fingerprint} for n, m in inputs.items()},
    }
    versions = library_versions(spec.libraries)
    with store.create(spec.kind, task.fingerprint, plain(manifest_inputs), versions) as draft:
        context = StageContext(
            params=spec.params,
            inputs={name: made.path for name, made in inputs.items()},
            summaries={name: made.summary for name, made in inputs.items()},
            out=draft.path,
            scratch=make_folder(home.scratch / spec.kind / task.fingerprint),
            home=home,
            link=link,
            parts=tuple(_input(store, *where).path for where in task.parts),
        )
        draft.summary = plain(function(context) or {})


def _input(store: ArtifactStore, kind: str, fingerprint: str) -> Artifact:
    found = store.find(kind, fingerprint)
    if found is None:
        message = f"The artifact {kind}/{fingerprint[:12]} has disappeared or was damaged."
        raise StoreError(message, "Run again: it is made again.")
    return found


def _waiting(link: Link, reason: str) -> Callable[[], None]:
    told = False

    def on_wait() -> None:
        nonlocal told
        if not told:
            link.send("waiting", detail=reason)
            told = True
        link.check_cancelled()

    return on_wait


def _explain(task: StageTask, link: Link, error: BaseException) -> EffqError:
    """Turns an unexpected exception into a report with an id, or finds that the disk is full."""
    if isinstance(error, OSError) and is_store_fault(error):
        return store_error(error, Path(task.home))
    if any(words in str(error) for words in _NO_SPACE_WORDS):
        hint = "Free some space or set EFFQ_HOME to a folder on a larger disk, then run again."
        return StoreError(f"There is no space left for the stage {task.spec.name}.", hint)
    bug = secrets.token_hex(4)
    lines = "".join(traceback.format_exception(error)).splitlines()
    log.error("Bug %s in %s:\n%s", bug, task.spec.name, "\n".join(lines))
    link.event(
        "bug",
        id=bug,
        type=type(error).__name__,
        message=str(error)[:2000],
        traceback="\n".join(lines[-_TRACEBACK_LINES:]),
        task={"stage": task.spec.name, "params": asdict(task.spec)["params"]},
    )
    return StageError(
        f"The stage {task.spec.name} failed unexpectedly "
        f"({type(error).__name__}: {str(error)[:300]}; bug {bug}).",
        "This is a fault of EffQ. Finished stages are kept; report it with the bug's id.",
    )


def _known_type(error: EffqError) -> type[EffqError]:
    for kind in type(error).__mro__:
        if issubclass(kind, EffqError) and getattr(errors, kind.__name__, None) is kind:
            found: type[EffqError] = kind
            return found
    return EffqError


def _dask_sender(topic: str) -> Send:
    from distributed import get_worker  # only workers and drivers need Dask

    worker = get_worker()

    def send(message: dict[str, Any]) -> None:
        worker.log_event(topic, message)

    return send


def kill_worker(dask_worker: Any) -> int | None:
    """Ends a worker at once; runs in its nanny, which then starts a new one. Returns its pid."""
    pid: int | None = dask_worker.pid
    if pid is not None:
        # Not SIGTERM: a stage inside a long call into C does not look at it.
        os.kill(pid, signal.SIGKILL)
    return pid
