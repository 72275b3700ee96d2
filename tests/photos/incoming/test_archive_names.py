"""Names in zips from anybody: none leads out, and all are read and shown as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError
from tests.photos.incoming.ingest_helpers import A, B, names, raw_zip, reasons


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
