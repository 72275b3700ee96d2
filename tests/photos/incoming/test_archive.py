"""Zips from anybody: the photos come out whole; links, damage and other files are named."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from effq_core.base.errors import Cancelled, DatasetError
from effq_core.photos.incoming.found import Found
from effq_core.photos.incoming.limits import OWNERS
from tests.photos.incoming.ingest_helpers import (
    SMALL,
    A,
    B,
    Quiet,
    names,
    photo,
    raw_zip,
    reasons,
    zipped,
)


def test_photos_come_out_as_they_went_in(opened, tmp_path: Path) -> None:
    found = opened(zipped([("cat/a.png", A), ("dog/b.png", B)]))
    assert names(found) == ["cat/a.png", "dog/b.png"]
    assert (tmp_path / "into" / found.files[1].path).read_bytes() == B
    assert not found.skipped


def test_links_are_not_followed(opened) -> None:
    link = zipfile.ZipInfo("cat/link.png")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    device = zipfile.ZipInfo("cat/device.png")
    device.create_system = 3
    device.external_attr = 0o020666 << 16
    found = opened(zipped([(link, b"/etc/passwd"), (device, b""), ("cat/a.png", A)]))
    assert names(found) == ["cat/a.png"]
    assert reasons(found) == {"cat/link.png": "a link", "cat/device.png": "not a plain file"}


def test_archives_in_the_archive_are_named_not_opened(opened) -> None:
    inner = zipped([("x.png", A)])
    found = opened(zipped([("more.zip", inner), ("old.tar.gz", b"x"), ("a.png", A)]))
    assert names(found) == ["a.png"]
    assert reasons(found)["more.zip"] == "an archive in the archive; unpack it first"
    assert "old.tar.gz" in reasons(found)


def test_an_encrypted_archive_says_so(opened) -> None:
    with pytest.raises(DatasetError, match=r"encrypted: a\.png needs a password"):
        opened(raw_zip([(b"a.png", A)], flags=1))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused_by_name(opened, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.png", A)
    with pytest.raises(DatasetError, match=f"method {method}"):
        opened(buffer.getvalue())


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_refused(opened, part: float) -> None:
    whole = zipped([(f"{n}.png", photo(n)) for n in range(20)])
    with pytest.raises(DatasetError, match="not a zip archive, or it is damaged or cut off"):
        opened(whole[: int(len(whole) * part)])


@pytest.mark.parametrize("content", [b"hello", b"PK\x05\x06", b"PK\x03\x04" * 50, A])
def test_what_is_no_zip_is_refused(opened, content: bytes) -> None:
    with pytest.raises(DatasetError, match="not a zip archive"):
        opened(content)


def test_an_empty_archive_holds_nothing(opened) -> None:
    assert opened(zipped([])) == Found()


def test_a_damaged_entry_is_left_out_and_the_others_are_taken(opened) -> None:
    content = bytearray(zipped([("a.png", A), ("b.png", B)]))
    at = content.index(b"b.png") + 60
    content[at] ^= 0xFF
    found = opened(bytes(content))
    assert names(found) == ["a.png"]
    assert reasons(found)["b.png"].startswith("damaged in the archive")


def test_what_systems_leave_behind_is_counted_and_not_named(opened) -> None:
    litter = ["__MACOSX/cat/._a.png", "cat/.DS_Store", "cat/Thumbs.db", "desktop.ini", "._b.png"]
    found = opened(zipped([*((name, b"x") for name in litter), ("cat/a.png", A)]))
    assert (names(found), found.skipped, found.litter) == (["cat/a.png"], [], 5)


def test_other_files_are_named_with_their_reason(opened) -> None:
    entries = [("r.txt", b"x"), ("i.heic", b"x"), (".h.png", A), ("e.eps", b"x"), ("z.png", b"")]
    assert reasons(opened(zipped(entries))) == {
        "r.txt": "not a photo by its name",
        "i.heic": ".heic is not supported; convert it to JPEG or PNG",
        ".h.png": "hidden",
        "e.eps": ".eps is not supported; convert it to JPEG or PNG",
        "z.png": "empty file (zero bytes)",
    }


def test_a_list_of_labels_at_the_top_is_kept_apart(opened) -> None:
    found = opened(zipped([("set/labels.csv", b"a.png,cat"), ("set/a.png", A)]))
    assert (found.labels, names(found)) == (b"a.png,cat", ["set/a.png"])


def test_unpacking_reports_and_stops_when_asked(opened) -> None:
    reporter = Quiet()
    many = zipped([(f"{n}.png", A) for n in range(50)])
    opened(many, SMALL, reporter)
    assert reporter.reports[0] == (0, 50, "files unpacked")

    class Stop(Quiet):
        def check_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        opened(many, SMALL, Stop())


def test_large_archives_with_64_bit_records_are_read(opened) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a.png", "w", force_zip64=True) as f:
        f.write(A)
    assert names(opened(buffer.getvalue())) == ["a.png"]
    # More entries than 16 bits count make Python write a 64-bit end record.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(70_000):
            archive.writestr(f"{n}.txt", b"")
    assert len(opened(buffer.getvalue(), OWNERS).skipped) == 70_000
