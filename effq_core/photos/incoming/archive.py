"""Unpacking a zip of photos from anybody."""

import contextlib
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.photos.incoming import found
from effq_core.photos.incoming.limits import KEEP_FREE, MAX_CSV_BYTES, Limits

_BLOCK = 1 << 18
_EVERY = 20  # entries between two reports
_UTF8 = 0x800
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENTRY = b"PK\x01\x02"
_LONGEST_ENTRY = 2048  # bytes of the directory on average: names of 300 letters in any script
_ZIP64_END = 76  # bytes that large archives have between the directory and the end record
_DIRECTORY_SIZE, _DIRECTORY_END = 5, 9  # of the list Python keeps the end record in
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, IndexError),
    *(OverflowError, NotImplementedError, RuntimeError),
)


def unpack(archive: Path, into: Path, limits: Limits, reporter: Reporter) -> found.Found:
    """Unpacks a zip's photos into an empty folder under names of ours; may raise DatasetError."""
    size = archive.stat().st_size
    if size > limits.given_bytes:
        raise DatasetError(
            f"The archive has {fmt.size(size)}.",
            f"At most {fmt.size(limits.given_bytes)} are taken: give fewer or smaller photos.",
        )
    with archive.open("rb") as file, _opened(file, limits) as opened:
        return _Unpacking(opened, into, limits, reporter, size).run()


@contextmanager
def _opened(file: IO[bytes], limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Opens a zip after a look at how long its directory is: Python reads all of it."""
    try:
        with _reading():
            _refuse_long_directory(file, limits)
            opened = zipfile.ZipFile(file)
    except _BROKEN as error:
        raise DatasetError(
            f"The file is not a zip archive, or it is damaged or cut off ({_text(error)}).",
            "Make the zip again; if it was downloaded or copied, do that again.",
        ) from error
    with opened:
        yield opened


def _refuse_long_directory(file: IO[bytes], limits: Limits) -> None:
    # The same function by which Python finds the directory, so that both see the same one.
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise zipfile.BadZipFile("there is no directory at its end")
    length, place = end[_DIRECTORY_SIZE], end[_DIRECTORY_END]
    if not 0 <= length <= place:
        raise zipfile.BadZipFile("the directory at its end is cut off")
    if length > limits.entries * _LONGEST_ENTRY:
        raise _too_many(limits)
    start = max(0, place - length - _ZIP64_END)
    file.seek(start)
    # What the end says about the number of entries is a claim, too: count where each begins.
    if file.read(place - start).count(_ENTRY) > limits.entries:
        raise _too_many(limits)
    file.seek(0)


def _too_many(limits: Limits) -> DatasetError:
    return DatasetError(
        f"The archive has more than {limits.entries:,} entries.",
        "Give fewer photos, or divide them over several archives.",
    )


class _Unpacking:
    def __init__(
        self, opened: zipfile.ZipFile, into: Path, limits: Limits, reporter: Reporter, size: int
    ) -> None:
        self.opened, self.into, self.limits, self.reporter = opened, into, limits, reporter
        self.most = min(limits.unpacked_bytes, max(limits.free_bytes, limits.ratio * size))
        self.room = shutil.disk_usage(into).free - KEEP_FREE
        self.written = 0
        self.found = found.Found()

    def run(self) -> found.Found:
        entries = self.opened.infolist()
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            if number % _EVERY == 0:
                self.reporter.check_cancelled()
                self.reporter.progress(number, len(entries), unit="files unpacked")
            name = _name(entry)
            if not name or name.endswith("/"):
                continue
            if found.is_litter(name):
                self.found.litter += 1
            elif (reason := self._reason(entry, name, seen)) is not None:
                self.found.skip(name, reason)
            else:
                seen.add(name)
                self._take(entry, name, number)
        return self.found

    def _reason(self, entry: zipfile.ZipInfo, name: str, seen: set[str]) -> str | None:
        """Says why an entry is left out; ``None`` where it is to be unpacked."""
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind == stat.S_IFLNK:
            return "a link"
        if kind not in (0, stat.S_IFREG):
            return "not a plain file"
        if found.escapes(name):
            return "its name leads out of the archive"
        if not _is_labels(name) and (reason := found.refused_kind(name)) is not None:
            return reason
        if name in seen:
            return "another entry has the same name; the first is taken"
        return None

    def _take(self, entry: zipfile.ZipInfo, name: str, number: int) -> None:
        if entry.flag_bits & _ENCRYPTED:
            raise DatasetError(
                f"The archive is encrypted: {found.shown(name)} needs a password.",
                "Make the zip again without a password.",
            )
        if entry.compress_type not in _METHODS:
            raise DatasetError(
                f"The archive is compressed by method {entry.compress_type}, which is not read.",
                "Make a plain zip: choose “Deflate”, or “Store” (photos hardly shrink).",
            )
        labels = _is_labels(name)
        most = MAX_CSV_BYTES if labels else self.limits.file_bytes
        path = self.into / f"{number:06d}"
        try:
            size = self._write(entry, path, most)
        except _BROKEN as error:
            path.unlink(missing_ok=True)
            self.found.skip(name, f"damaged in the archive: {_text(error)}")
            return
        if size > most:
            path.unlink()
            self.found.skip(name, f"larger than {fmt.size(most)}")
        elif labels:
            self.found.labels = path.read_bytes()
            path.unlink()
        elif size == 0:
            path.unlink()
            self.found.skip(name, "empty file (zero bytes)")
        else:
            self.found.files.append(found.FoundFile(name, path.name, size))

    def _write(self, entry: zipfile.ZipInfo, path: Path, most: int) -> int:
        """Unpacks one entry, at most one byte more than wanted; returns its size."""
        size = 0
        with _reading():
            source = self.opened.open(entry)
        with source, path.open("xb") as target:
            while size <= most and (block := _read(source, min(_BLOCK, most + 1 - size))):
                target.write(block)
                size += len(block)
                self.written += len(block)
                self._refuse_bombs()
        return size

    def _refuse_bombs(self) -> None:
        if self.written > self.most:
            ratio = self.most < self.limits.unpacked_bytes
            raise DatasetError(
                f"The archive unpacks to more than {fmt.size(self.most)}"
                + (f", over {self.limits.ratio} times its own size." if ratio else "."),
                "Give fewer photos, or save them as JPEG.",
            )
        if self.written > self.room:
            raise DatasetError(
                "There is not enough space on this machine's disk to unpack the photos.",
                "Free some space, or give fewer photos.",
            )


@contextmanager
def _reading() -> Iterator[None]:
    """Takes a place that is not in the archive for damage, not for a fault of the disk."""
    try:
        yield
    except OSError as error:
        raise zipfile.BadZipFile(f"it points out of the archive ({error.strerror})") from error


def _read(source: IO[bytes], count: int) -> bytes:
    with _reading():
        return source.read(count)


def _name(entry: zipfile.ZipInfo) -> str:
    """Returns an entry's name; where no encoding is stated, UTF-8 if it can be that."""
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        # Zips of macOS hold UTF-8 and do not say so; Python has read it as code page 437.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return found.clean(name)


def _is_labels(name: str) -> bool:
    return name.casefold().rpartition("/")[2] == found.LABELS_FILE and name.count("/") <= 1


def _text(error: Exception) -> str:
    return found.shown(str(error).rstrip(".")) or type(error).__name__
