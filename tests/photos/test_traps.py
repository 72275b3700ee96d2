"""Files that are small and well-formed and would cost minutes or gigabytes."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.photos import decode as traps
from effq_core.photos.decode import count_scans, decode, open_image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(side: int) -> Image.Image:
    rng = np.random.default_rng(side)
    return Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def many_scans(scans: int, side: int) -> bytes:
    whole = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = whole[whole.rfind(b"\xff\xda") : -2]
    return whole[:-2] + last * scans + b"\xff\xd9"


def many_chunks() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress((b"\0" + bytes(4)) * 4))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"abCd") * 1_000_000 + data + chunk(b"IEND")


def many_comments() -> bytes:
    whole = saved(Image.new("L", (16, 16)), "JPEG")
    return whole[:2] + b"\xff\xfe\0\2" * 3_000_000 + whole[2:]


def tiled_tiff(side: int, tile: int) -> bytes:
    data = zlib.compress(bytes(side * side))
    entries = [
        *((256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)),
        *((322, 4, tile), (323, 4, tile), (324, 4, 8 + 2 + 10 * 12 + 4), (325, 4, len(data))),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return head + body + bytes(4) + data


TRAPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "scans": (lambda: many_scans(200, 6000), "more than 111 scans"),
    "text": (lambda: b"P3\n2000 2000\n255\n" + b"0 " * 100, "12,000,000 values written as text"),
    "tile": (lambda: tiled_tiff(64, 30_000), "its tiles have 900,000,000 pixels"),
    "chunks": (many_chunks, "cut into more parts"),
    "comments": (many_comments, "cut into more parts"),
    "boxes": (
        lambda: (
            (j := saved(Image.new("L", (16, 16)), "JPEG2000"))[:12]
            + b"\0\0\0\x08free" * 1_500_000
            + j[12:]
        ),
        "cut into more parts",
    ),
    "remarks": (lambda: b"P6\n" + b"#\n" * 3_000_000 + b"1 1\n255\nabc", "cut into more parts"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_refused_with_its_reason_and_within_seconds(trap: str) -> None:
    make, why = TRAPS[trap]
    content = make()
    started = time.process_time()
    with pytest.raises(DatasetError, match=why) as caught:
        open_image(content, "trap.jpg")
    assert time.process_time() - started < 5
    assert caught.value.message.startswith("trap.jpg ")


@pytest.mark.parametrize(
    "content",
    [
        saved(noise(300), "JPEG", progressive=True),
        saved(noise(300), "JPEG", quality=100),
        saved(noise(64), "TIFF", compression="tiff_lzw"),
        saved(noise(300), "PNG"),
        saved(noise(64), "PPM"),
        b"P3\n2 1\n255\n255 0 0 0 0 255\n",
        tiled_tiff(64, 64),
    ],
    ids=["progressive", "fine", "tiff", "png", "ppm", "text", "tiles"],
)
def test_ordinary_files_are_read_as_ever(content: bytes) -> None:
    assert decode(open_image(content, "x"), 32).shape == (32, 32, 3)


@pytest.mark.parametrize("progressive", [False, True])
def test_scans_are_counted_as_libjpeg_does(progressive: bool) -> None:
    content = saved(noise(200), "JPEG", progressive=progressive)
    expected = 10 if progressive else 1
    assert count_scans(content, 1000) == expected
    assert count_scans(content, 3) == min(3, expected)
    # What follows the end, such as the film of a "live" photo, counts for nothing.
    assert count_scans(content + b"\xff\xda" * 5000, 1000) == expected
    # Nor does what lies inside of a segment.
    inside = content[:2] + b"\xff\xe5" + struct.pack(">H", 2 + 4000) + b"\xff\xda" * 2000
    assert count_scans(inside + content[2:], 1000) == expected


def test_a_photo_with_a_film_behind_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traps, "MAX_SCAN_PIXELS", 200 * 200 * 20)
    content = saved(noise(200), "JPEG") + b"\xff\xda" * 5000
    assert open_image(content, "live.jpg").size == (200, 200)
