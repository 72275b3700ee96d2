"""Zips from anybody: each kind of trouble has a test."""

from __future__ import annotations

import io
import shutil
import struct
import time
import zipfile
from pathlib import Path

import pytest

from effq_core.base.errors import Cancelled, DatasetError
from effq_core.photos.incoming import archive as module
from effq_core.photos.incoming.archive import unpack
from effq_core.photos.incoming.found import Found
from effq_core.photos.incoming.limits import OWNERS, VISITORS, Limits
from tests.photos.incoming.ingest_helpers import MIB, SMALL, Quiet, photo, raw_zip, zipped

A, B = photo(1), photo(2)


@pytest.fixture
def opened(tmp_path: Path):
    def unpacked(content: bytes, limits: Limits = SMALL, reporter: Quiet | None = None) -> Found:
        given = tmp_path / "given.zip"
        given.write_bytes(content)
        into = tmp_path / "into"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        found = unpack(given, into, limits, reporter or Quiet())
        # Whatever the names were: what is on the disk has names of ours, in one folder.
        assert {path.name for path in into.iterdir()} == {file.path for file in found.files}
        assert all(path.name.isdecimal() and path.is_file() for path in into.iterdir())
        for file in found.files:
            assert (into / file.path).stat().st_size == file.bytes
        return found

    return unpacked


def names(found: Found) -> list[str]:
    return [file.name for file in found.files]


def reasons(found: Found) -> dict[str, str]:
    return {each.key: each.reason for each in found.skipped}


def test_photos_come_out_as_they_went_in(opened, tmp_path: Path) -> None:
    found = opened(zipped([("cat/a.png", A), ("dog/b.png", B)]))
    assert names(found) == ["cat/a.png", "dog/b.png"]
    assert (tmp_path / "into" / found.files[1].path).read_bytes() == B
    assert not found.skipped


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.png",
        "cat/../../../outside.png",
        "/etc/outside.png",
        "C:/outside.png",
        "C:\\outside.png",
        "..\\outside.png",
        "\\\\server\\share\\outside.png",
        "//outside.png",
    ],
)
def test_names_that_lead_out_are_left_out(opened, tmp_path: Path, name: str) -> None:
    found = opened(raw_zip([(name.encode(), A), (b"in.png", B)]))
    assert names(found) == ["in.png"]
    assert list(reasons(found).values()) == ["its name leads out of the archive"]
    assert not list(tmp_path.rglob("outside*"))


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


def test_of_entries_with_one_name_the_first_is_taken(opened, tmp_path: Path) -> None:
    found = opened(raw_zip([(b"a.png", A), (b"a.png", B)]))
    assert names(found) == ["a.png"]
    assert (tmp_path / "into" / found.files[0].path).read_bytes() == A
    assert reasons(found)["a.png"].startswith("another entry has the same name")


@pytest.mark.parametrize(
    ("raw", "utf8", "read"),
    [
        ("füße/ö.png".encode(), True, "füße/ö.png"),
        ("füße/ö.png".encode(), False, "füße/ö.png"),  # as macOS writes it
        ("fu\u0308ße/o\u0308.png".encode(), True, "füße/ö.png"),  # decomposed, likewise
        ("写真/猫.png".encode(), False, "写真/猫.png"),
        ("café.png".encode("cp437"), False, "café.png"),  # as DOS does
        ("🐈.png".encode(), True, "🐈.png"),
    ],
)
def test_names_are_read_in_the_encoding_they_are_in(
    opened, raw: bytes, utf8: bool, read: str
) -> None:
    assert names(opened(raw_zip([(raw, A)], utf8=utf8))) == [read]


@pytest.mark.parametrize("encoding", ["shift_jis", "cp1251", "gb18030"])
def test_names_in_encodings_nobody_states_still_give_photos(opened, encoding: str) -> None:
    text = {"shift_jis": "猫.png", "cp1251": "кот.png", "gb18030": "猫.png"}[encoding]
    (file,) = opened(raw_zip([(text.encode(encoding), A)])).files
    assert file.name.endswith(".png")


def test_names_that_are_not_what_they_are_said_to_be_are_refused(opened) -> None:
    with pytest.raises(DatasetError, match="not a zip archive, or it is damaged"):
        opened(raw_zip([(b"\xff\xfe.png", A)], utf8=True))


def test_names_of_300_characters_are_taken_and_endless_ones_are_not(opened) -> None:
    long = b"x" * 296 + b".png"
    found = opened(raw_zip([(long, A), (b"y" * 60_000 + b".png", B), (b"d/" * 99 + b"z.png", B)]))
    assert names(found) == [long.decode()]
    assert set(reasons(found).values()) == {"its path is too long"}
    assert max(map(len, reasons(found))) <= 200


@pytest.mark.parametrize("name", [b"", b"/", b"\0", b"./", b"cat/", b"\\"])
def test_entries_without_a_name_are_no_photos(opened, name: bytes) -> None:
    assert names(opened(raw_zip([(name, A), (b"a.png", B)]))) == ["a.png"]


def test_control_characters_never_reach_what_is_shown(opened) -> None:
    found = opened(raw_zip([("a\x1b[31m\u202egnp.exe".encode(), A)], utf8=True))
    assert list(reasons(found)) == ["a�[31m�gnp.exe"]


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
