"""What a stage function is given: inputs, folders, and the link to its run."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effq_core.base.errors import Cancelled
from effq_core.base.settings import Home
from effq_core.jobs.files import JobFiles
from effq_core.jobs.process import is_alive
from effq_core.pipeline.stage import StageTask, plain

STOP = "stop"  # file in a run's folder: another stage failed, so nobody waits for the rest
TIME_NOW = "time_now"  # file in a run's folder: do not wait for a quiet processor
WAITING_QUIET = "waiting for a quiet CPU to time fairly"  # what a stage says while it waits for one

_PROGRESS_SECONDS = 0.25
_CANCEL_SECONDS = 0.2
_DRIVER_SECONDS = 2.0

Send = Callable[[dict[str, Any]], None]


class Link:
    """The worker's end of a run: sends messages, learns about cancelling."""

    def __init__(self, task: StageTask, send: Send) -> None:
        self._task, self._send = task, send
        folder = Home(Path(task.home)).runs / task.run_id
        self._folder = folder
        self._flags = (JobFiles.in_folder(folder).cancel, folder / STOP)
        self._looked = 0.0
        self._looked_at_driver = 0.0
        self._reported = 0.0
        self.events: list[dict[str, Any]] = []

    def send(self, what: str, **values: Any) -> None:
        """Sends a message to the driver."""
        task = self._task
        self._send({"what": what, "stage": task.spec.name, "key": task.key, **values})

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Tells how much is finished, about four times a second and at the end."""
        now = time.monotonic()
        if done >= total or now - self._reported >= _PROGRESS_SECONDS:
            self._reported = now
            self.send("progress", done=int(done), total=int(total), unit=unit)

    def waiting(self, detail: str) -> None:
        """Tells what the stage waits for; nothing: it goes on."""
        self.send("waiting", detail=detail)

    def is_raised(self, flag: str) -> bool:
        """Returns whether somebody raised a flag of the run."""
        return (self._folder / flag).exists()

    def event(self, kind: str, **values: Any) -> None:
        """Records something worth keeping."""
        # Also returned with the result: a message may be lost with a connection, this is not.
        event = {"number": len(self.events), "kind": kind, "values": plain(values)}
        self.events.append(event)
        self.send("event", **event)

    def check_cancelled(self) -> None:
        """Raises ``Cancelled`` if the run is to stop; looks five times a second at most."""
        now = time.monotonic()
        if now - self._looked < _CANCEL_SECONDS:
            return
        self._looked = now
        if any(flag.exists() for flag in self._flags):
            raise Cancelled("The run was cancelled.", "Run it again to resume where it stopped.")
        if self._task.driver is None or now - self._looked_at_driver < _DRIVER_SECONDS:
            return
        self._looked_at_driver = now
        host, pid, token = self._task.driver
        # A driver on another host is out of sight; its flags are not.
        if host == socket.gethostname() and not is_alive(pid, token):
            raise Cancelled("The run's driver died.", "Run it again to resume where it stopped.")


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """A stage's inputs, folders, and :class:`~effq_core.base.reporting.Reporter`."""

    params: dict[str, Any]
    inputs: dict[str, Path]
    summaries: dict[str, dict[str, Any]]  # what each input's stage returned
    out: Path  # temporary folder to write the result into; it becomes the artifact
    scratch: Path  # folder that survives a kill, for checkpoints; removed once the stage completes
    home: Home
    link: Link
    # Folders of what others have done of its work, in order; usually none.
    parts: tuple[Path, ...] = ()

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Tells how much is finished: see :class:`~effq_core.base.reporting.Reporter`."""
        self.link.progress(done, total, unit)

    def event(self, kind: str, **values: Any) -> None:
        """Records something worth keeping: see :class:`~effq_core.base.reporting.Reporter`."""
        self.link.event(kind, **values)

    def check_cancelled(self) -> None:
        """Returns unless the run is to stop: see :class:`~effq_core.base.reporting.Reporter`."""
        self.link.check_cancelled()
