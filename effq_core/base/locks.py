"""Locks between processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from effq_core.base.errors import EngineError
from effq_core.base.files import make_folder, store_errors

TEMPORARY = "EFFQ_HOST_TMPDIR"  # names the host's folder where a worker has one of its own


def host_folder() -> Path:
    """Returns this user's private folder of locks on this host; may raise EngineError."""
    user = os.getuid()
    path = Path(os.environ.get(TEMPORARY) or tempfile.gettempdir()) / f"effq-{user}"
    with store_errors(path):
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    # The system's temporary folder is everybody's: do not follow what another user put there.
    if path.is_symlink() or found.st_uid != user or found.st_mode & 0o022:
        raise EngineError(
            f"{path} is not a private folder of this user.", "Remove it, or set TMPDIR to another."
        )
    return path


@contextlib.contextmanager
def cores(*, alone: bool, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds this host's cores, together with others or alone; a waiting measurement comes first.

    ``on_wait`` is called about ten times a second while waiting, and may raise to give up. Raises
    EngineError if the lock's folder is someone else's, StoreError if it cannot be made.
    """
    folder = host_folder()
    turnstile, room = FileLock(folder / "turnstile"), FileLock(folder / "cores")
    try:
        turnstile.acquire(shared=not alone, on_wait=on_wait)
        room.acquire(shared=not alone, on_wait=on_wait)
        turnstile.release()
        yield
    finally:
        turnstile.release()
        room.release()


class FileLock:
    """A lock between processes that ends with its holder; ``disposable``: its file, too."""

    def __init__(self, path: Path, *, disposable: bool = False) -> None:
        self.path = path
        self._disposable = disposable
        self._descriptor: int | None = None

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Takes the lock if it is free, ``shared`` with others that share; may raise StoreError."""
        make_folder(self.path.parent)
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        with store_errors(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                # A disposable lock may have been removed between opening and locking.
                same = os.path.samestat(os.fstat(descriptor), self.path.stat())
            except (BlockingIOError, FileNotFoundError):
                same = False
            except BaseException:
                os.close(descriptor)
                raise
            if not same:
                os.close(descriptor)
                return False
        self._descriptor = descriptor
        return True

    def acquire(
        self, *, shared: bool = False, on_wait: Callable[[], None] | None = None, poll: float = 0.1
    ) -> None:
        """Takes the lock, trying every ``poll`` seconds; ``on_wait`` may raise to give up."""
        while not self.try_acquire(shared=shared):
            if on_wait is not None:
                on_wait()
            time.sleep(poll)

    def release(self) -> None:
        """Gives the lock back; harmless where it is not held."""
        if self._descriptor is None:
            return
        if self._disposable:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> FileLock:
        if self._descriptor is None:
            self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Returns whether some process holds a lock exclusively."""
    if not path.exists():
        return False
    lock = FileLock(path)
    free = lock.try_acquire(shared=True)
    lock.release()
    return not free
