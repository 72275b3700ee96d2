"""Running the worker that looks at photos, and outliving whatever a photo does to it."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import IO, Any

from effq_core.base import errors
from effq_core.base.errors import DatasetError, EffqError, StoreError
from effq_core.base.files import read_json, write_json
from effq_core.base.reporting import Reporter
from effq_core.jobs.limits import LOOKING
from effq_core.photos.incoming.draft import Draft
from effq_core.photos.incoming.found import shown
from effq_core.photos.incoming.limits import Limits
from effq_core.photos.incoming.preview import Preview
from effq_core.photos.incoming.worker import PREVIEW, REQUEST

MOST_DEATHS = 3  # photos that may end the worker before what was given is refused
_STALL = 6  # times the processor time a photo may take, on a busy machine
_POLL = 0.2
_LOG = "worker.log"


class _DiedError(Exception):
    """The worker ended in the middle of its work."""

    def __init__(self, at: str, why: str) -> None:
        super().__init__(at, why)
        self.at, self.why = at, why


def look_apart(
    draft: Draft, request: dict[str, Any], limits: Limits, reporter: Reporter
) -> Preview:
    """Unpacks and decodes in a process of its own; may raise DatasetError or BusyError.

    ``request`` is what was given: ``kind``, ``source``, ``names``, ``labels``, ``one_down``.
    """
    avoid: dict[str, str] = {}
    deadline = time.monotonic() + limits.seconds
    with LOOKING.enter(on_wait=reporter.check_cancelled):
        while True:
            (draft.path / PREVIEW).unlink(missing_ok=True)  # of an earlier look, with other classes
            whole = {**request, "limits": asdict(limits), "avoid": avoid}
            write_json(draft.path / REQUEST, whole)
            try:
                _run(draft, limits, reporter, deadline)
            except _DiedError as died:
                avoid[died.at] = died.why
                if not died.at or len(avoid) > MOST_DEATHS:
                    raise DatasetError(
                        "The photos cannot be read: the process that decodes them "
                        f"{died.why}, last at {shown(died.at) or 'unpacking'}.",
                        "Leave that file out, or save it again as JPEG.",
                    ) from None
                continue
            break
    plain = read_json(draft.path / PREVIEW)
    if plain is None:
        raise StoreError("What was found in the photos cannot be read back.", "Try again.")
    return Preview.from_dict(plain)


def _run(draft: Draft, limits: Limits, reporter: Reporter, deadline: float) -> None:
    with (draft.path / _LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a path of ours
            [sys.executable, "-m", "effq_core.photos.incoming.worker", str(draft.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )
    try:
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        at = _listen(process.stdout, limits, reporter, deadline)
    finally:
        process.kill()
        status = process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if (draft.path / PREVIEW).exists():
        return
    if status == 1:  # an exception nobody expected: a fault of ours, not of a photo
        text = (draft.path / _LOG).read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"Looking at photos failed at {shown(at)!r}: {text[-2000:]}")
    if status == -signal.SIGXCPU:
        raise _DiedError(at, f"takes longer than {limits.seconds_a_photo} s to decode")
    raise _DiedError(at, "ends the program that decodes it")


# Their threads would only take address space, which is bounded.
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _listen(lines: IO[bytes], limits: Limits, reporter: Reporter, deadline: float) -> str:
    at, heard, rest = "", time.monotonic(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(lines, selectors.EVENT_READ)
        while True:
            reporter.check_cancelled()
            now = time.monotonic()
            if now > deadline:
                raise DatasetError(
                    f"The photos take longer than {limits.seconds:,} seconds to read.",
                    "Give fewer photos at a time.",
                )
            if at and now - heard > limits.seconds_a_photo * _STALL:
                raise _DiedError(at, f"takes longer than {limits.seconds_a_photo} s to decode")
            if not selector.select(_POLL):
                continue
            block = os.read(lines.fileno(), 1 << 16)
            if not block:
                return at
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                at = _heard(json.loads(line), at, reporter)
            heard = time.monotonic()


def _heard(said: dict[str, Any], at: str, reporter: Reporter) -> str:
    if "error" in said:
        kind = getattr(errors, said["error"], EffqError)
        raise kind(said["message"], said["hint"])
    if "at" in said:
        return str(said["at"])
    reporter.progress(said["done"], said["total"], said["unit"])
    return at
