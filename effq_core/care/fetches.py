"""Downloads in the background: started by anybody, watched by everybody, by no one's session owned.

Each download is a process of its own (:mod:`effq_core.care.fetch_worker`) that outlives the
dashboard. What it is doing stands in a small file that is replaced whole, so that any process
can look.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from effq_core.base.errors import InputError
from effq_core.base.files import make_folder, read_json, store_errors, write_atomic, write_json
from effq_core.base.locks import FileLock
from effq_core.base.processes import is_alive, process_token, reap_later
from effq_core.base.settings import Home
from effq_core.models.catalogue import MODELS
from effq_core.photos import imagenette

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
class Fetch:
    """A download. Times are seconds since 1970.

    Attributes:
        item: Identifier of the dataset or model.
        state: Where it is.
        started: When its process began.
        updated: When it last had news.
        done: What has arrived, in ``unit``.
        total: All of it; 0 where unknown.
        unit: What is counted, ``bytes`` nearly always.
        rate: Units a second lately; 0 where unknown.
        note: What it is doing besides, such as trying again.
        error: Why it failed.
        hint: What to do about it.
        pid: Its process.
        token: Tells that process from a later one with the same number.
    """

    item: str
    state: FetchState
    started: float
    updated: float
    done: int = 0
    total: int = 0
    unit: str = "bytes"
    rate: float = 0.0
    note: str = ""
    error: str = ""
    hint: str = ""
    pid: int | None = None
    token: str | None = None

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
    """Looks at a download.

    Args:
        home: The store.
        item: A dataset or model of :func:`fetchable`.

    Returns:
        The latest download of it; ``None`` if there was none. One whose process has died without
        a word is ``failed``.

    Raises:
        InputError: If it is nothing that can be downloaded.
    """
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
        error="The download's process has ended without saying why.",
        hint=f"Download it again: it continues where it stopped. Its log is {files.log}.",
    )


def start_fetch(home: Home, item: str) -> Fetch:
    """Starts a download as a process of its own, unless one is under way.

    Args:
        home: The store.
        item: A dataset or model of :func:`fetchable`.

    Returns:
        The download that is running now.

    Raises:
        InputError: If it is nothing that can be downloaded.
        StoreError: If the store cannot be written.
    """
    # Here and not above: the pipeline is not needed to look at a download.
    from effq_core.base.environment import process_environment

    files = FetchFiles(home, item)
    make_folder(files.state.parent)
    # The process that is started waits for this lock before it writes anything.
    with FileLock(files.start_lock):
        running = fetch_of(home, item)
        if running is not None and running.state.is_active:
            return running
        with store_errors(files.cancel):
            files.cancel.unlink(missing_ok=True)
        with store_errors(files.log), files.log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "effq_core.care.fetch_worker", item],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=process_environment(home.root),
                start_new_session=True,
            )
        now = time.time()
        fetch = Fetch(
            item=item,
            state=FetchState.RUNNING,
            started=now,
            updated=now,
            pid=process.pid,
            token=process_token(process.pid) or "dead",
        )
        files.write(fetch)
    reap_later(process)
    return fetch


def cancel_fetch(home: Home, item: str) -> None:
    """Asks a download to stop; what has arrived is kept. Harmless where none is under way.

    Args:
        home: The store.
        item: A dataset or model of :func:`fetchable`.

    Raises:
        InputError: If it is nothing that can be downloaded.
        StoreError: If the request cannot be written.
    """
    files = FetchFiles(home, item)
    fetch = fetch_of(home, item)
    if fetch is not None and fetch.state.is_active:
        write_atomic(files.cancel, b"")


def dismiss_fetch(home: Home, item: str) -> None:
    """Forgets how the last download of something ended, but not what has arrived of it.

    Args:
        home: The store.
        item: A dataset or model of :func:`fetchable`.

    Raises:
        InputError: If it is nothing that can be downloaded.
        StoreError: If the file cannot be removed.
    """
    files = FetchFiles(home, item)
    fetch = fetch_of(home, item)
    if fetch is not None and not fetch.state.is_active:
        with store_errors(files.state):
            files.state.unlink(missing_ok=True)


class FetchFiles:
    """The files through which a download and those who watch it know of each other.

    Args:
        home: The store.
        item: A dataset or model of :func:`fetchable`.

    Raises:
        InputError: If it is nothing that can be downloaded; no path is made of it then.
    """

    def __init__(self, home: Home, item: str) -> None:
        if item not in fetchable():
            raise InputError(
                f"{item[:60]!r} cannot be downloaded.", f"Choose {' or '.join(fetchable())}."
            )
        folder = home.root / _FOLDER
        self.state: Path = folder / f"{item}.json"
        self.cancel: Path = folder / f"{item}.cancel"
        self.log: Path = folder / f"{item}.log"
        self.start_lock: Path = folder / f".{item}.start"
        self.work_lock: Path = folder / f".{item}.work"

    def read(self) -> Fetch | None:
        """Returns what was last written; ``None`` where that is nothing one can read."""
        plain: dict[str, Any] = read_json(self.state) or {}
        try:
            return Fetch(**{**plain, "state": FetchState(plain.get("state", ""))})
        except (TypeError, ValueError):
            return None

    def write(self, fetch: Fetch) -> None:
        """Replaces what was written.

        Args:
            fetch: The download as it is now.

        Raises:
            StoreError: If it cannot be written.
        """
        write_json(self.state, asdict(fetch))
