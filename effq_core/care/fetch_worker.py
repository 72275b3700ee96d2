"""The process behind a background download."""

import logging
import os
import secrets
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any

from effq_core.base.errors import Cancelled, EffqError, StoreError
from effq_core.base.locks import FileLock
from effq_core.base.reporting import Reporter
from effq_core.base.settings import Home
from effq_core.care.fetches import KIND, Fetch, FetchFiles, FetchState, fetch_of
from effq_core.jobs import kinds
from effq_core.jobs.process import Process
from effq_core.photos import imagenette
from effq_core.results.wording import event_text, is_trouble

log = logging.getLogger("effq.fetch")
_TICK = 0.25  # seconds between two looks for a cancel, and two durable writes
_RATE_SECONDS = 10.0
_PATIENCE = 2.0  # how long a cancelled download may take to notice; a silent connection does not


class FileReporter:
    """Writes what a download tells into its file; ``ended`` once its end is written down."""

    def __init__(self, files: FetchFiles, fetch: Fetch) -> None:
        self._files = files
        self._fetch = fetch
        self._changed = False
        self._samples: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._phase = ""
        self.ended = False
        files.write(fetch)

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Notes how much there is: see :class:`~effq_core.base.reporting.Reporter`."""
        now = time.monotonic()
        if self._samples and (done < self._samples[-1][1] or unit != self._fetch.unit):
            self._samples.clear()  # it starts again, or goes on with something else
        self._samples.append((now, done))
        while now - self._samples[0][0] > _RATE_SECONDS:
            self._samples.popleft()
        since, before = self._samples[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        self._change(done=done, total=total, unit=unit, rate=rate, note=self._phase)

    def event(self, kind: str, **values: Any) -> None:
        """Notes what people should know, as a reporter does."""
        text = event_text(kind, values)
        if text is not None:
            log.info("%s", text)
            if not is_trouble(kind):  # trouble is over when the next bytes arrive
                self._phase = text
            self._change(note=text)

    def check_cancelled(self) -> None:
        """Raises :class:`Cancelled` if somebody has asked to stop."""
        if self._files.job.is_asked_to_stop:
            raise Cancelled("The download was cancelled.", "What has arrived is kept.")

    def end(self, state: FetchState, **values: Any) -> None:
        """Notes how it ended; the first word counts."""
        with self._lock:
            if self.ended:
                return
            self.ended = True
            self._fetch = replace(
                self._fetch, state=state, updated=time.time(), rate=0.0, note="", **values
            )
            self._files.write(self._fetch)

    def flush(self) -> None:
        """Writes what has changed since the last time, or raises StoreError."""
        with self._lock:
            if self._changed and not self.ended:
                self._changed = False
                self._files.write(self._fetch)

    def _change(self, **values: Any) -> None:
        with self._lock:
            self._changed = True
            self._fetch = replace(self._fetch, updated=time.time(), **values)


def fetch_item(item: str, home: Home, reporter: Reporter) -> None:
    """Downloads a dataset or weights; raises DownloadError, StoreError or Cancelled."""
    if item == imagenette.DATASET_ID:
        from effq_core.photos.catalogue import download_dataset

        download_dataset(item, home, reporter)
        return
    from effq_core.models.catalogue import get_model
    from effq_core.models.weights import locate_weights

    locate_weights(get_model(item), home, reporter)


def work(home: Home, item: str) -> FetchState | None:
    """Downloads something, noting how it goes, or raises StoreError; ``None``: another does."""
    files = FetchFiles(home, item)
    lock = FileLock(files.job.lock)
    with FileLock(files.job.starting):  # whoever started us has then noted our number
        noted = fetch_of(home, item)
        anothers = noted is not None and noted.state.is_active and noted.pid != os.getpid()
        if anothers or not lock.try_acquire():  # one that was noted may not have come this far
            return None
    try:
        now, own = time.time(), Process.own()
        fetch = Fetch(
            item=item, state=FetchState.RUNNING, started=now, updated=now, **own._asdict()
        )
        reporter = FileReporter(files, fetch)
        threading.Thread(target=_watch, args=(files, reporter), name="watch", daemon=True).start()
        state, values = _outcome(item, home, reporter)
        files.job.forget_cancel()
        reporter.end(state, **values)
        return state
    finally:
        lock.release()


def _outcome(item: str, home: Home, reporter: FileReporter) -> tuple[FetchState, dict[str, str]]:
    try:
        fetch_item(item, home, reporter)
    except Cancelled:
        return FetchState.CANCELLED, {}
    except EffqError as error:
        log.error("%s", error)
        return FetchState.FAILED, {"error": error.message, "hint": error.hint}
    except Exception as error:
        bug = secrets.token_hex(4)
        log.exception("Bug %s", bug)
        return FetchState.FAILED, {
            "error": f"The download failed ({type(error).__name__}; bug {bug}).",
            "hint": "This is a fault of EffQ; report it with the log that has this id.",
        }
    return FetchState.FINISHED, {}


def _watch(files: FetchFiles, reporter: FileReporter) -> None:
    """Writes progress while the download works, and ends the process if it ignores a cancel."""
    asked: float | None = None
    while not reporter.ended:
        time.sleep(_TICK)
        try:
            reporter.flush()
        except StoreError as error:
            log.error("%s", error)  # the download itself will meet the full disk and say so
        if not files.job.is_asked_to_stop:
            asked = None
            continue
        asked = asked or time.monotonic()
        if time.monotonic() - asked > _PATIENCE:
            reporter.end(FetchState.CANCELLED)
            os._exit(kinds.CANCELLED)


def _work(home: Home, item: str) -> int:
    codes = {FetchState.FAILED: 1, FetchState.CANCELLED: kinds.CANCELLED}
    state = work(home, item)
    return codes.get(state, 0) if state else 0


kinds.register(KIND, _work)
