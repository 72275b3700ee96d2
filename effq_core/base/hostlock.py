"""Who may use this host's cores: many stages together, or one measurement alone."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from effq_core.base.errors import EngineError
from effq_core.base.files import store_errors
from effq_core.base.locks import FileLock

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
