"""Zips that are too much, or claim to be less than they are."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError
from effq_core.photos.incoming import archive as module
from effq_core.photos.incoming.limits import VISITORS, Limits
from tests.photos.incoming.ingest_helpers import MIB, A, names, raw_zip, reasons, zipped


def test_a_bomb_is_stopped_while_it_unpacks_whatever_it_claims(opened, tmp_path: Path) -> None:
    bomb = raw_zip([(b"%d.bmp" % n, bytes(3 * MIB)) for n in range(10)])
    with pytest.raises(DatasetError, match=r"unpacks to more than 1\.98 MiB|over 100 times"):
        opened(bomb)
    written = sum(path.stat().st_size for path in (tmp_path / "into").iterdir())
    assert written < 5 * MIB


def test_an_entry_that_claims_to_be_small_gives_no_more_than_it_claims(opened) -> None:
    found = opened(raw_zip([(b"liar.bmp", bytes(2 * MIB)), (b"a.png", A)], claimed=100))
    # Python reads what is claimed and finds that the checksum does not fit.
    assert names(found) == []
    assert "damaged in the archive" in reasons(found)["liar.bmp"]


def test_a_bomb_of_entries_that_share_their_bytes_is_stopped(opened) -> None:
    content = raw_zip([(b"0000.bmp", bytes(900_000))])
    end = content.rfind(b"PK\x05\x06")
    start = content.rfind(b"PK\x01\x02")
    record = content[start:end]
    many = b"".join(record.replace(b"0000.bmp", b"%04d.bmp" % n) for n in range(150))
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 150, 150, len(many), start, 0)
    # 135 MB in all; the name beside the data is that of the first only.
    found = opened(content[:start] + many + tail)
    assert names(found) == ["0000.bmp"]
    assert len(found.skipped) == 149


def test_all_photos_together_are_bounded(opened) -> None:
    limits = Limits(given_bytes=8 * MIB, entries=99, unpacked_bytes=4 * MIB, free_bytes=4 * MIB)
    noisy = [(f"{n}.bmp", bytes(MIB)) for n in range(6)]
    with pytest.raises(DatasetError, match=r"unpacks to more than 4 MiB\.|4\.00 MiB\."):
        opened(zipped(noisy), limits)


def test_a_photo_that_is_too_large_is_left_out(opened) -> None:
    limits = Limits(given_bytes=8 * MIB, entries=99, unpacked_bytes=9 * MIB, file_bytes=MIB)
    found = opened(zipped([("big.bmp", bytes(MIB + 1)), ("a.png", A)]), limits)
    assert names(found) == ["a.png"]
    assert reasons(found) == {"big.bmp": "larger than 1.00 MiB"}


def test_a_full_disk_is_said_before_it_is_full(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    free = type("Usage", (), {"free": module.KEEP_FREE + 10})
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: free)
    with pytest.raises(DatasetError, match="not enough space"):
        opened(zipped([("a.png", A)]))


@pytest.mark.parametrize("count", [20_001, 100_000])
def test_too_many_entries_are_refused_quickly(opened, count: int) -> None:
    content = raw_zip((b"%06d.png" % n, b"x") for n in range(count))
    started = time.monotonic()
    with pytest.raises(DatasetError, match="more than 20,000 entries"):
        opened(content, VISITORS)
    assert time.monotonic() - started < 1


def test_entries_are_counted_and_not_believed(opened) -> None:
    content = bytearray(raw_zip((b"%06d.png" % n, b"x") for n in range(30_000)))
    end = content.rfind(b"PK\x05\x06")
    content[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    with pytest.raises(DatasetError, match="more than 20,000 entries"):
        opened(bytes(content), VISITORS)


def test_an_archive_that_is_too_large_is_refused_before_it_is_opened(opened) -> None:
    with pytest.raises(DatasetError, match="The archive has 9") as caught:
        opened(bytes(9 * MIB))
    assert "At most 8" in caught.value.hint
