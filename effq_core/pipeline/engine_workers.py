"""The folders of an embedded engine's workers: who lives, and what killed ones have left."""

import time
from pathlib import Path

from effq_core.base.files import remove_file, remove_tree
from effq_core.base.locks import FileLock, is_locked
from effq_core.base.settings import Home
from effq_core.pipeline.engine_files import WORKERS

_ABANDONED_SECONDS = 3600.0
_WORKER = "quietworker-"
"""Begins the names of workers' folders, after Dask's way; beside them is the scheduler's."""


def living(home: Home) -> int:
    """Returns how many workers the embedded engine has."""
    return sum(is_locked(lock) for lock in _locks(home) if lock.name.startswith(_WORKER))


def sweep(home: Home) -> int:
    """Removes the folders of workers and schedulers that were killed; returns how many."""
    top = _folder(home)
    if not top.is_dir():
        return 0
    with FileLock(top / "global.lock"):  # Dask's own: while it is held no worker is being born
        dead = [lock for lock in _locks(home) if not is_locked(lock)]
        folders = [lock.with_suffix("") for lock in dead] + _unlocked(top)
        found = [folder for folder in folders if folder.exists()]
        for folder in found:
            remove_tree(folder)
        for lock in dead:
            remove_file(lock)
    return len(found)


def _folder(home: Home) -> Path:
    return home.engine / WORKERS / "dask-scratch-space"


def _locks(home: Home) -> list[Path]:
    """Returns the lock beside each folder: its process holds it as long as it lives."""
    return sorted(_folder(home).glob("*.dirlock"))


def _unlocked(top: Path) -> list[Path]:
    """Returns folders without a lock that are too old to belong to a worker just being born."""
    old = time.time() - _ABANDONED_SECONDS
    return [
        e
        for e in top.iterdir()
        if e.is_dir() and not e.with_name(f"{e.name}.dirlock").exists() and e.stat().st_mtime < old
    ]
