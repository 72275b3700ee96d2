"""Temporary folders, locked by their owner: they go when it goes, however it goes."""

import fcntl
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.locks import FileLock


class HeldFolder:
    """A folder removed when closed, forgotten or at the end; ``guard`` is its makers' lock."""

    def __init__(
        self, path: Path, guard: Path, *, mode: int = 0o700, parts: Iterable[str] = ()
    ) -> None:
        make_folder(path.parent)
        self.path = path
        with store_errors(path), FileLock(guard):
            path.mkdir(mode=mode)
            descriptor = os.open(path, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._close = weakref.finalize(self, _discard, path, descriptor)
        for name in parts:
            make_folder(path / name)

    @property
    def is_open(self) -> bool:
        """Whether the folder is still there."""
        return self._close.alive and self.path.is_dir()

    def close(self) -> None:
        """Removes the folder, unless it has become something else; harmless a second time."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _discard(path: Path, descriptor: int) -> None:
    # Let go of it also where it cannot be removed: a sweep takes it later, but only what nobody
    # holds, and a worker lives on.
    try:
        remove_tree(path)
    finally:
        os.close(descriptor)


def _take(path: Path) -> int | None:
    """Returns a descriptor that holds a folder; ``None`` where another does, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def abandoned(paths: Iterable[Path]) -> list[Path]:
    """Returns those of some folders whose owners are dead."""
    found = []
    for path in paths:
        with store_errors(path):
            descriptor = _take(path)
        if descriptor is not None:
            os.close(descriptor)
            found.append(path)
    return found


def sweep(top: Path, pattern: str, guard: Path) -> list[Path]:
    """Removes the folders of a pattern below ``top`` whose owners are dead, and returns them."""
    removed: list[Path] = []
    if not top.is_dir():
        return removed
    with store_errors(top), FileLock(guard):
        for path in top.glob(pattern):
            descriptor = _take(path)
            if descriptor is None:
                continue
            try:
                remove_tree(path)
                removed.append(path)
            finally:
                os.close(descriptor)
    return removed
