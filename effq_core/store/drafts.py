"""Artifacts that are being made: temporary folders, known to be in use while their maker lives."""

from __future__ import annotations

import fcntl
import logging
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.locks import FileLock
from effq_core.store.manifest import Artifact

log = logging.getLogger(__name__)

PREFIX = ".tmp-"
LOCKS = ".locks"


@dataclass
class Draft:
    """An artifact that is being made.

    Attributes:
        path: The temporary folder to write files into.
        summary: What the manifest shall keep of the result, as JSON values.
        artifact: The finished artifact, once the block has ended.
    """

    path: Path
    summary: dict[str, Any] = field(default_factory=dict)
    artifact: Artifact | None = None

    def __fspath__(self) -> str:
        return str(self.path)


def _housekeeping(root: Path) -> FileLock:
    return FileLock(root / LOCKS / "housekeeping")


def make_folder_in_use(root: Path, target: Path) -> tuple[Path, int]:
    """Makes a temporary folder beside an artifact's place.

    Args:
        root: The artifacts' top folder.
        target: Where the artifact will be.

    Returns:
        The folder, and a descriptor to close when it is no longer in use.

    Raises:
        StoreError: If it cannot be made.
    """
    make_folder(target.parent)
    path = target.with_name(f"{PREFIX}{target.name}-{uuid.uuid4().hex[:12]}")
    # No sweep between making it and locking it.
    with store_errors(path), _housekeeping(root):
        path.mkdir()
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return path, descriptor


def sweep(root: Path, pattern: str) -> list[Path]:
    """Removes temporary folders whose makers are dead.

    Args:
        root: The artifacts' top folder.
        pattern: Of the folders, relative to it.

    Returns:
        What was removed.

    Raises:
        StoreError: If a folder cannot be removed.
    """
    removed = []
    with store_errors(root), _housekeeping(root):
        for path in root.glob(pattern):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(path)
                removed.append(path)
            except BlockingIOError:
                log.debug("%s is in use.", path)
            finally:
                os.close(descriptor)
    return removed
