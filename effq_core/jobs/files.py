"""The files by which a job's process and those who watch it know of each other."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from effq_core.base.errors import EngineError
from effq_core.base.files import make_folder, remove_file, store_errors, write_atomic
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home, process_environment
from effq_core.jobs.process import Process, reap_later, spawn


@dataclass(frozen=True, kw_only=True)
class JobFiles:
    """A job's files beside the one that says how it stands."""

    folder: Path
    cancel: Path
    log: Path
    lock: Path
    starting: Path

    @classmethod
    def in_folder(cls, folder: Path) -> JobFiles:
        """Returns the files of a job that has a folder of its own."""
        return cls(
            folder=folder,
            cancel=folder / "cancel",
            log=folder / "driver.log",
            lock=folder / "driver.lock",
            starting=folder / ".saving",
        )

    def start(self, home: Home, kind: str, job_id: str, *options: str) -> Process:
        """Starts a process that works on the job and outlives this one; its caller notes it."""
        make_folder(self.folder)
        arguments = ["-m", "effq_core.cli.job", kind, job_id, *options]
        process = spawn(arguments, self.log, process_environment(home.root))
        started = Process.of(process.pid)  # before it is reaped and its number is free
        reap_later(process)
        return started

    @contextmanager
    def worked_on(self, what: str, patience: float = 0.0) -> Iterator[None]:
        """Holds the job, waiting for one that is ending; ``EngineError`` if another has it."""
        deadline = time.monotonic() + patience

        def busy() -> None:
            if time.monotonic() >= deadline:
                raise EngineError(f"Another process works on {what}.", "Wait, or cancel it.")

        lock = FileLock(self.lock)
        lock.acquire(on_wait=busy)
        with lock:
            yield

    def ask_to_stop(self) -> None:
        """Asks the job's process to stop."""
        write_atomic(self.cancel, b"")

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether somebody has."""
        return self.cancel.exists()

    def forget_cancel(self) -> None:
        """Takes a request to stop back, so that the job can go on."""
        remove_file(self.cancel)

    @contextmanager
    def signals_cancel(self) -> Iterator[None]:
        """Makes the first SIGINT or SIGTERM of the block cancel the job; a second acts as usual."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        before: dict[int, Any] = {}

        def cancel(number: int, frame: FrameType | None) -> None:
            signal.signal(number, before[number])
            raise_flag(self.cancel)

        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, cancel)
        try:
            yield
        finally:
            for changed, handler in before.items():
                signal.signal(changed, handler)


def raise_flag(path: Path) -> None:
    """Makes an empty file in a folder that is there; also from signal handlers."""
    with store_errors(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
