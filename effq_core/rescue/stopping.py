"""Stopping a rescue: by a person, by a signal, or because its time is up."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from effq_core.errors import Cancelled, StoreError
from effq_core.pipeline.context import CANCEL as CANCEL_RUN
from effq_core.pipeline.control import touch_flag
from effq_core.settings import Home

log = logging.getLogger("effq.rescue")

_POLL = 0.2


class Stopping:
    """What tells a rescue to stop, and passes it on to the run it waits for.

    Args:
        home: The store.
        flag: The file that appears when somebody asks the rescue to stop.
    """

    def __init__(self, home: Home, flag: Path) -> None:
        self._home, self._flag = home, flag
        self.timed_out = False

    def check(self) -> None:
        """Raises once somebody asked to stop.

        Raises:
            Cancelled: If so.
        """
        if self._flag.exists():
            raise Cancelled("The rescue was cancelled.", "Take it up again to go on.")

    @contextmanager
    def stops(self, run_id: str, seconds: float | None) -> Iterator[None]:
        """Cancels a run while the block works on it, when somebody asks or its time is up.

        Args:
            run_id: The run.
            seconds: Time the block may take; ``None``: any.

        Yields:
            Nothing.
        """
        self.timed_out = False
        deadline = None if seconds is None else time.monotonic() + max(0.0, seconds)
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(_POLL):
                asked = self._flag.exists()
                late = deadline is not None and time.monotonic() > deadline
                if not (asked or late):
                    continue
                self.timed_out = not asked
                try:
                    touch_flag(self._home, run_id, CANCEL_RUN)
                except StoreError as error:
                    log.error("The run %s cannot be stopped: %s", run_id, error)

        watcher = threading.Thread(target=look, name="effq-rescue-stop", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    @contextmanager
    def by_signals(self) -> Iterator[None]:
        """Makes the first SIGINT or SIGTERM of the block raise the flag; a second acts as usual.

        Yields:
            Nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        before: dict[int, Any] = {}

        def stop(number: int, frame: FrameType | None) -> None:
            signal.signal(number, before[number])
            self._flag.touch()

        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
        try:
            yield
        finally:
            for changed, handler in before.items():
                signal.signal(changed, handler)
