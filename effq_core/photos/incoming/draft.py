"""Where photos are while somebody decides about them: a folder that goes when its owner goes.

A draft lies beside the datasets, so that it becomes one by a rename. It is locked as long as the
process that made it holds it; what a killed process has left is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import uuid
import weakref
from pathlib import Path
from types import TracebackType

from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.store.usage import ADDING

_LOCK = ".adding.lock"
PHOTOS = "photos"
"""Folder of a draft with what was unpacked."""
GIVEN = "given"
"""Folder of a draft with what was sent, until it is unpacked."""


class Draft:
    """A temporary folder under the store, removed when closed, forgotten or at the program's end.

    Args:
        home: The store.

    Attributes:
        path: The folder; it has empty folders :data:`PHOTOS` and :data:`GIVEN`.

    Raises:
        StoreError: If it cannot be made.
    """

    def __init__(self, home: Home) -> None:
        sweep_drafts(home)
        make_folder(home.datasets)
        self.path = home.datasets / f"{ADDING}{uuid.uuid4().hex[:12]}"
        with store_errors(self.path), FileLock(home.datasets / _LOCK):
            self.path.mkdir(mode=0o700)
            descriptor = os.open(self.path, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._close = weakref.finalize(self, _discard, self.path, descriptor)
        for name in (PHOTOS, GIVEN):
            make_folder(self.path / name)

    @property
    def photos(self) -> Path:
        """What was unpacked."""
        return self.path / PHOTOS

    @property
    def given(self) -> Path:
        """What was sent."""
        return self.path / GIVEN

    @property
    def is_open(self) -> bool:
        """Whether the folder is still there."""
        return self._close.alive and self.path.is_dir()

    def close(self) -> None:
        """Removes the folder; harmless where that has happened."""
        self._close()

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _discard(path: Path, descriptor: int) -> None:
    try:
        if path.exists():
            remove_tree(path)
    finally:
        os.close(descriptor)


def sweep_drafts(home: Home) -> int:
    """Removes drafts whose makers are dead.

    Args:
        home: The store.

    Returns:
        How many.

    Raises:
        StoreError: If one cannot be removed.
    """
    if not home.datasets.is_dir():
        return 0
    removed = 0
    with store_errors(home.datasets), FileLock(home.datasets / _LOCK):
        for path in home.datasets.glob(f"{ADDING}*"):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(path)
                removed += 1
            except BlockingIOError:  # somebody is deciding about it
                continue
            finally:
                os.close(descriptor)
    return removed
