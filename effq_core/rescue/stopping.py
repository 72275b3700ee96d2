"""Stopping a rescue: by a person, by a signal, or because its time is up."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from effq_core.base.errors import Cancelled, EffqError, StoreError
from effq_core.base.settings import Home
from effq_core.jobs.files import JobFiles, raise_flag
from effq_core.pipeline.control import run_files

log = logging.getLogger("effq.rescue")

_POLL = 0.2


class Worked:
    """How long a run has worked; waiting for others, or for a quiet processor, is not counted."""

    def __init__(self) -> None:
        self.begun: float | None = None
        self.waited = 0.0

    @property
    def seconds(self) -> float:
        """Seconds it worked since then."""
        return 0.0 if self.begun is None else time.monotonic() - self.begun - self.waited


class Stopping:
    """What tells a rescue to stop, and passes it on to the run it waits for."""

    def __init__(self, home: Home, files: JobFiles) -> None:
        self._home, self._files = home, files
        self.timed_out = False

    def check(self) -> None:
        """Raises once somebody asked to stop."""
        if self._files.is_asked_to_stop:
            raise Cancelled("The rescue was cancelled.", "Resume it to continue.")

    @contextmanager
    def stops(
        self,
        run_id: str,
        seconds: float | None,
        is_running: Callable[[], bool],
        is_waiting: Callable[[], bool],
    ) -> Iterator[Worked]:
        """Cancels a run while the block works on it, if asked, or after ``seconds`` of its turn."""
        self.timed_out = False
        worked = Worked()
        ended = threading.Event()

        def look() -> None:
            before = time.monotonic()
            while not ended.wait(_POLL):
                asked = self._files.is_asked_to_stop
                now = time.monotonic()
                try:
                    if worked.begun is not None and is_waiting():
                        worked.waited += now - before
                    if worked.begun is None and is_running():
                        worked.begun = now
                except EffqError as error:
                    log.warning("Whether the run %s works is not known: %s", run_id, error)
                before = now
                late = seconds is not None and worked.begun is not None and worked.seconds > seconds
                if not (asked or late):
                    continue
                self.timed_out = not asked
                try:
                    raise_flag(run_files(self._home, run_id).cancel)
                except StoreError as error:
                    log.error("The run %s cannot be stopped: %s", run_id, error)

        watcher = threading.Thread(target=look, name="effq-rescue-stop", daemon=True)
        watcher.start()
        try:
            yield worked
        finally:
            ended.set()
            watcher.join()
