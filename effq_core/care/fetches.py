"""Downloads in the background: started by anybody, watched by everybody, owned by no session."""

import time
from dataclasses import dataclass, replace
from enum import StrEnum

from effq_core.base.errors import InputError
from effq_core.base.files import make_folder, read_json, remove_file, write_json
from effq_core.base.locks import FileLock
from effq_core.base.plain import Plain
from effq_core.base.settings import Home
from effq_core.jobs.files import JobFiles
from effq_core.jobs.process import is_alive
from effq_core.models.catalogue import MODELS
from effq_core.photos import imagenette

KIND = "download"
_FOLDER = "downloads"
_STALL_SECONDS = 8.0


class FetchState(StrEnum):
    """Where a download is."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether a process works on it."""
        return self is FetchState.RUNNING


@dataclass(frozen=True, kw_only=True)
class Fetch(Plain):
    """A download. Times are seconds since 1970."""

    item: str
    state: FetchState
    started: float
    updated: float
    done: int = 0  # what has arrived, in ``unit``, which is ``bytes`` nearly always
    total: int = 0  # all of it; 0 where unknown
    unit: str = "bytes"
    rate: float = 0.0  # units a second lately; 0 where unknown
    note: str = ""  # what it is doing besides, such as trying again
    error: str = ""
    hint: str = ""
    pid: int | None = None
    token: str | None = None  # tells its process from a later one with the same number

    @property
    def share(self) -> float | None:
        """How much is done, 0–1; ``None`` where nobody knows."""
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is finished at this rate; ``None`` where nobody knows."""
        if not self.rate or not self.total or self.is_stalled:
            return None
        return max(0.0, (self.total - self.done) / self.rate)

    @property
    def is_stalled(self) -> bool:
        """Whether nothing has arrived for a while."""
        return self.state.is_active and time.time() - self.updated > _STALL_SECONDS


def fetchable() -> tuple[str, ...]:
    """Returns the identifiers of everything that can be downloaded."""
    models = [card.id for card in MODELS.values() if not card.bundled]
    return (imagenette.DATASET_ID, *models)


def fetch_of(home: Home, item: str) -> Fetch | None:
    """Returns the latest download, ``failed`` where its process died; may raise InputError."""
    files = FetchFiles(home, item)
    fetch = files.read()
    if fetch is None or not fetch.state.is_active or is_alive(fetch.pid, fetch.token):
        return fetch
    # It may have ended well between our reading and our looking for its process.
    fetch = files.read() or fetch
    if not fetch.state.is_active or is_alive(fetch.pid, fetch.token):
        return fetch
    return replace(
        fetch,
        state=FetchState.FAILED,
        error="The download ended without saying why.",
        hint=f"Download it again: it continues where it stopped. Its log is {files.job.log}.",
    )


def start_fetch(home: Home, item: str) -> Fetch:
    """Starts a download's process, or returns the one at it; may raise InputError, StoreError."""
    files = FetchFiles(home, item)
    make_folder(files.job.folder)
    # The process that is started waits for this lock before it writes anything.
    with FileLock(files.job.starting):
        running = fetch_of(home, item)
        if running is not None and running.state.is_active:
            return running
        files.job.forget_cancel()
        process, now = files.job.start(home, KIND, item), time.time()
        fetch = Fetch(
            item=item, state=FetchState.RUNNING, started=now, updated=now, **process._asdict()
        )
        files.write(fetch)
    return fetch


def cancel_fetch(home: Home, item: str) -> None:
    """Asks a download to stop, keeping what has arrived; may raise InputError, StoreError."""
    files = FetchFiles(home, item)
    fetch = fetch_of(home, item)
    if fetch is not None and fetch.state.is_active:
        files.job.ask_to_stop()


def dismiss_fetch(home: Home, item: str) -> None:
    """Forgets how a download ended, not what has arrived; may raise InputError, StoreError."""
    files = FetchFiles(home, item)
    fetch = fetch_of(home, item)
    if fetch is not None and not fetch.state.is_active:
        remove_file(files.state)


class FetchFiles:
    """A download's files, watched by others; raises InputError for what none may be made of."""

    def __init__(self, home: Home, item: str) -> None:
        if item not in fetchable():
            raise InputError(
                f"{item[:60]!r} cannot be downloaded.", f"Choose {' or '.join(fetchable())}."
            )
        folder = home.root / _FOLDER
        self.state = folder / f"{item}.json"
        self.job = JobFiles(
            folder=folder,
            cancel=folder / f"{item}.cancel",
            log=folder / f"{item}.log",
            lock=folder / f".{item}.work",
            starting=folder / f".{item}.start",
        )

    def read(self) -> Fetch | None:
        """Returns what was last written; ``None`` where that is nothing one can read."""
        try:
            return Fetch.from_dict(read_json(self.state) or {})
        except (TypeError, ValueError):
            return None

    def write(self, fetch: Fetch) -> None:
        """Replaces what was written. Raises StoreError if it cannot be written."""
        write_json(self.state, fetch.to_dict())
