"""Photos that come as files: several at once from a browser, or a folder on this machine."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.photos.incoming import found as finding
from effq_core.photos.incoming.found import LABELS_FILE, Found, FoundFile
from effq_core.photos.incoming.limits import KEEP_FREE, MAX_CSV_BYTES, Limits
from effq_core.photos.walk import walk

_EVERY = 20  # files between two reports
_CLASS_LEVELS = 2  # folders of a path that may tell its class: below a split, or one level down


def sort_given(names: Sequence[str], folder: Path, limits: Limits) -> Found:
    """Sorts files sent one by one under any names, their contents in ``000000`` and so on."""
    found = Found()
    seen: set[str] = set()
    for number, given in enumerate(names):
        path = folder / f"{number:06d}"
        # Some browsers send a folder's name as well; it is no label unless it was asked for.
        name = finding.clean(given).rpartition("/")[2]
        _sort(found, name, path.name, path.stat().st_size, seen, limits)
    return found


def copy_folder(folder: Path, into: Path, limits: Limits, reporter: Reporter) -> Found:
    """Copies a folder's photos, links followed, under names of ours; may raise DatasetError."""
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise DatasetError(f"{folder} {problem}.", "Give a folder of photos, or a zip.")
    found = Found()
    seen: set[str] = set()
    room = shutil.disk_usage(into).free - KEEP_FREE
    copied = 0
    inside = os.path.realpath(folder)
    for number, path in enumerate(_files(folder, found)):
        if number >= limits.entries:
            raise DatasetError(
                f"{folder} holds more than {limits.entries:,} files.",
                f"Use it where it is: `effq run --data {folder}`.",
            )
        if number % _EVERY == 0:
            reporter.check_cancelled()
            reporter.progress(number, 0, unit="files copied")
        name = finding.clean(os.fsencode(path.relative_to(folder)).decode("utf-8", "replace"))
        target = into / f"{number:06d}"
        try:
            size = path.stat().st_size
            if not _sort(found, name, target.name, size, seen, limits):
                if name.casefold() == LABELS_FILE and size <= MAX_CSV_BYTES:
                    found.labels = path.read_bytes()
                    found.skipped.pop()
                continue
            content = path.open("rb")
        except OSError as error:
            found.skip(name, f"cannot be read: {error.strerror}")
            continue
        copied += size
        if copied > min(room, limits.unpacked_bytes):
            raise DatasetError(
                f"The photos of {folder} take more than"
                f" {fmt.size(min(room, limits.unpacked_bytes))}, which is what there is room for.",
                f"Use them where they are: `effq run --data {folder}`.",
            )
        with content, target.open("xb") as copy:
            shutil.copyfileobj(content, copy, 1 << 20)
        found.outside += not Path(os.path.realpath(path)).is_relative_to(inside)
    return found


def _sort(found: Found, name: str, path: str, size: int, seen: set[str], limits: Limits) -> bool:
    """Puts one file where it belongs; returns whether it may be a photo."""
    if finding.is_litter(name):
        found.litter += 1
        return False
    reason = finding.refused_kind(name)
    if finding.escapes(name):
        reason = "its name leads out of the folder"
    elif reason is None and size == 0:
        reason = "empty file (zero bytes)"
    elif reason is None and size > limits.file_bytes:
        reason = f"larger than {fmt.size(limits.file_bytes)}"
    elif reason is None and name in seen:
        reason = "another file has the same name; the first is taken"
    if reason is not None:
        found.skip(name, reason)
        return False
    seen.add(name)
    found.files.append(FoundFile(name, path, size))
    return True


def _files(folder: Path, found: Found) -> Iterator[Path]:
    def entries(current: Path) -> list[Path]:
        try:
            return sorted(current.iterdir())
        except OSError as error:
            found.skip(current.name, f"folder cannot be read: {error.strerror}")
            return []

    def leave_out(path: Path, reason: str) -> None:
        found.skip(path.relative_to(folder).as_posix(), reason)

    for path in walk(folder, entries, leave_out, lambda parts: parts[:_CLASS_LEVELS]):
        try:
            kind = path.stat().st_mode
        except OSError as error:
            leave_out(path, f"cannot be read: {error.strerror}")
            continue
        if stat.S_ISREG(kind):
            yield path
