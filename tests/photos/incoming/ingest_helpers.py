"""Making zips that no program would make, and photos to put into them."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from effq_core.photos.incoming.found import Found
from effq_core.photos.incoming.limits import Limits

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20
SMALL = Limits(given_bytes=8 * MIB, entries=200, unpacked_bytes=16 * MIB, free_bytes=MIB)
"""Small enough that a test meets them."""


class Quiet:
    """A reporter that counts."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, str]] = []

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.reports.append((done, total, unit))

    def event(self, kind: str, **values: object) -> None: ...

    def check_cancelled(self) -> None: ...


def photo(seed: int, kind: str = "PNG", size: tuple[int, int] = (32, 24)) -> bytes:
    """A smooth random photo: no two seeds look alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return encoded(coarse.resize(size, Image.Resampling.BICUBIC), kind)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """A zip of names and contents, compressed."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names that occur twice, which is meant
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def raw_zip(
    entries: Iterable[tuple[bytes, bytes]],
    *,
    utf8: bool = False,
    flags: int = 0,
    claimed: int | None = None,
) -> bytes:
    """A zip with names of any bytes, written by hand.

    Args:
        entries: Names and contents.
        utf8: Whether the names are said to be UTF-8.
        flags: Further general purpose bits.
        claimed: Unpacked size each entry claims; its own by default.
    """
    parts: list[bytes] = []
    records: list[bytes] = []
    offset = 0
    flags |= 0x800 if utf8 else 0
    for name, content in entries:
        packed = zlib.compress(content, 9)[2:-4]
        size = len(content) if claimed is None else claimed
        crc = zlib.crc32(content)
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, 8, 0, 0x21, crc, len(packed), size, len(name), 0
        )
        places = struct.pack("<HHHII", 0, 0, 0, 0, offset)
        records.append(b"PK\x01\x02" + struct.pack("<H", 20) + common + places + name)
        parts.append(b"PK\x03\x04" + common + name + packed)
        offset += len(parts[-1])
    directory, count = b"".join(records), min(len(records), 65535)
    end = struct.pack("<4H2IH", 0, 0, count, count, len(directory), offset, 0)
    return b"".join(parts) + directory + b"PK\x05\x06" + end


def left_behind(home: Path) -> list[str]:
    """Names of everything under a store that is not a finished dataset or a lock."""
    return sorted(
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and not path.name.endswith(".lock") and "/own/" not in path.as_posix()
    ) + sorted(path.name for path in home.glob("datasets/.*") if path.is_dir())


def two_classes(count: int = 6) -> list[tuple[str, bytes]]:
    return [(f"set/{('cat', 'dog')[n % 2]}/{n}.png", photo(n)) for n in range(count)]


def given(*entries: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    return [("my pets_2024.zip", zipped(entries))]


A, B = photo(1), photo(2)
"""Two photos for tests that do not care which."""


def names(found: Found) -> list[str]:
    return [file.name for file in found.files]


def reasons(found: Found) -> dict[str, str]:
    return {each.key: each.reason for each in found.skipped}
