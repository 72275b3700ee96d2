"""Where a model is while it is checked and decided about: a folder that goes when its owner goes.

It is locked as long as the process that made it holds it; what a killed process has left is removed
when the next check begins.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import weakref
from pathlib import Path

from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.intake import steps
from effq_core.models.own.card import own_folder

CHECKING = ".checking"
"""Name of the folder of all of them, beside the models."""
_LOCK = ".folders"


class Workplace:
    """A temporary folder under the store, removed when closed, forgotten or at the program's end.

    Args:
        home: The store.

    Attributes:
        path: The folder; it has ``in/``, ``out/`` and ``scratch/``.

    Raises:
        StoreError: If it cannot be made.
    """

    def __init__(self, home: Home) -> None:
        checking = make_folder(own_folder(home) / CHECKING, 0o700)
        self.path = checking / secrets.token_hex(8)
        with store_errors(self.path), FileLock(checking / _LOCK):
            _sweep(checking)
            self.path.mkdir(mode=0o700)
            descriptor = os.open(self.path, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._close = weakref.finalize(self, _discard, self.path, descriptor)
        for name in (steps.IN, steps.OUT, steps.SCRATCH):
            make_folder(self.path / name)

    def clear(self) -> None:
        """Removes all but ``out/``: the upload, what was unpacked and tried, and the log.

        Raises:
            StoreError: If they cannot be removed.
        """
        with store_errors(self.path):
            for path in self.path.iterdir():
                if not path.is_dir():
                    path.unlink()
                elif path.name != steps.OUT:
                    remove_tree(path)

    def close(self) -> None:
        """Removes the folder; harmless where that has happened."""
        self._close()


def _discard(path: Path, descriptor: int) -> None:
    try:
        remove_tree(path)
    finally:
        os.close(descriptor)


def _sweep(checking: Path) -> None:
    """Removes the folders whose makers are dead."""
    for path in checking.iterdir():
        if not path.is_dir():
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # its owner has just removed it
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(path)
        except BlockingIOError:  # it is being checked, or somebody is deciding about it
            continue
        finally:
            os.close(descriptor)
