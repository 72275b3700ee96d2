"""What everything on disk shares: atomic small files and clear errors."""

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from effq_core.base.errors import StageError, StoreError

_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(EOFError, zipfile.BadZipFile, StageError),
)
"""What reading a damaged file raises, whatever it is read with."""


@contextmanager
def reading(what: str, where: Path) -> Iterator[None]:
    """Raises one StoreError for whatever damage makes the block raise; ``what`` begins it."""
    try:
        yield
    except _DAMAGE as error:
        raise StoreError(
            f"{what} in {where} cannot be read ({type(error).__name__}: {error}).",
            "`effq doctor --repair` removes it; then run the experiment again: only what is "
            "missing is made.",
        ) from error


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
WRONG_PATH = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP})
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}")
BROKEN_DISK = frozenset({errno.EIO, errno.ESTALE})


def store_error(error: OSError, path: Path) -> StoreError:
    """Turns an error about the store into one with a way out, about ``path`` if it names none."""
    where = error.filename if isinstance(error.filename, str) else path
    if error.errno in NO_SPACE:
        return StoreError(
            f"There is no space left to write {where}.",
            "Free some space or set EFFQ_HOME to a folder on a larger disk, then run again: "
            "finished stages are kept.",
        )
    if error.errno in NOT_WRITABLE:
        return StoreError(
            f"{where} cannot be written or read ({error.strerror}).",
            "Change its permissions, or set EFFQ_HOME to a folder that you own.",
        )
    if error.errno in WRONG_PATH:
        return StoreError(
            f"{where} cannot be used as part of the store ({error.strerror}).",
            "Set EFFQ_HOME to a folder, not to a file.",
        )
    return StoreError(
        f"The store failed at {where} ({error.strerror or error}).",
        "Check that EFFQ_HOME exists and its disk works, then run `effq doctor --repair`.",
    )


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Raises :class:`StoreError` in place of any :class:`OSError` of the block."""
    try:
        yield
    except OSError as error:
        raise store_error(error, path) from error


def is_store_fault(error: OSError) -> bool:
    """Returns whether an error in a stage is the disk's fault rather than the stage's."""
    return error.errno in NO_SPACE | BROKEN_DISK | {errno.EROFS}


def make_folder(path: Path, mode: int = 0o777) -> Path:
    """Makes a folder of a mode before the umask, and its parents, or raises StoreError."""
    with store_errors(path):
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Makes a folder's entries survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a small file whole or not at all, ``mode`` from the start; may raise StoreError."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with store_errors(path):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def is_unfinished(path: Path) -> bool:
    """Returns whether a name is one :func:`write_atomic` gives a file until it is whole."""
    return _TEMPORARY.fullmatch(path.name) is not None and not path.is_symlink()


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    """Writes a JSON file as :func:`write_atomic` does, or raises StoreError."""
    write_atomic(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode(), mode)


def read_json(path: Path) -> dict[str, Any] | None:
    """Reads a JSON object; ``None`` where the file is missing or holds something else."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remove_file(path: Path) -> None:
    """Removes a file; harmless where there is none. Raises StoreError if it cannot be removed."""
    with store_errors(path):
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Removes a folder, or what a parallel removal has left of it, or raises StoreError."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        with store_errors(path):
            shutil.rmtree(path)
