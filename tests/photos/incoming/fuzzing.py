"""Hostile images and zips from a source of chance, for the tests and benchmarks/fuzz_ingest.py.

They start as valid files of every kind and are then cut, flipped, doubled, mixed and made to claim
extreme numbers, which gets further into a decoder than random bytes do.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from tests.photos.incoming.ingest_helpers import encoded, photo, raw_zip, zipped

_EXTREME = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
NAMES = (
    "a.png", "cat/a.jpg", "dog/b.jpg", "../up.png", "/abs.png", "C:\\win.png", "x" * 300 + ".png",
    "__MACOSX/._a.png", ".DS_Store", "nested.zip", "labels.csv", "train/cat/1.png", "val/cat/2.png",
    "ü/ö.png", "a\0b.png", "\u202egnp.png", " ", "cat/", "a.heic", "a.eps", "cat//a.png", "./a.png",
)  # fmt: skip


@cache
def seeds() -> tuple[bytes, ...]:
    """One small valid file of every kind that is read, and some that are not."""
    rng = np.random.default_rng(0)
    rgb = Image.open(io.BytesIO(photo(1))).convert("RGB")
    other = Image.open(io.BytesIO(photo(2))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        encoded(rgb),
        encoded(rgb, "PNG", icc_profile=icc, exif=exif),
        encoded(rgb.quantize(16), "PNG", transparency=3),
        encoded(Image.fromarray(rng.integers(0, 65535, (20, 20), dtype=np.uint16))),
        encoded(rgb, "JPEG", exif=exif),
        encoded(rgb, "JPEG", progressive=True),
        encoded(rgb.convert("CMYK"), "JPEG"),
        encoded(rgb, "MPO", save_all=True, append_images=[other]),
        encoded(rgb, "GIF", save_all=True, append_images=[other]),
        encoded(rgb, "WEBP"),
        encoded(rgb, "WEBP", lossless=True, save_all=True, append_images=[other]),
        encoded(rgb, "BMP"),
        encoded(rgb, "TIFF"),
        encoded(rgb, "TIFF", compression="tiff_lzw"),
        encoded(rgb, "TIFF", compression="tiff_adobe_deflate"),
        encoded(rgb, "TIFF", compression="jpeg"),
        encoded(rgb, "PPM"),
        b"P3\n4 4\n255\n" + b"9 " * 48,
        encoded(rgb, "JPEG2000"),
        encoded(rgb, "AVIF"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"",
    )


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Changes a file a few times, each time in one of many ways."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        if not data:
            break
        at = chance.randrange(len(data))
        way = chance.randrange(7)
        if way == 0:
            data[at] = chance.randrange(256)
        elif way == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif way == 2:
            del data[at:]
        elif way == 3:
            span = chance.randint(1, 64)
            data[at:at] = data[at : at + span] * chance.randint(1, 40)
        elif way == 4:
            size = chance.choice((1, 2, 4))
            order = chance.choice("<>")
            value = chance.choice(_EXTREME) & (256**size - 1)
            data[at : at + size] = struct.pack(f"{order}{'BHxI'[size - 1]}", value)
        elif way == 5:
            del data[at : at + chance.randint(1, 32)]
        else:
            other = chance.choice(seeds())
            data[at : at + chance.randint(0, 64)] = other[: chance.randint(0, 200)]
    return bytes(data)


def hostile_image(chance: random.Random) -> bytes:
    """A damaged file of some kind; one in ten is left whole."""
    content = chance.choice(seeds())
    return content if chance.randrange(10) == 0 else damaged(content, chance)


def hostile_zip(chance: random.Random) -> bytes:
    """A zip with odd names, odd entries and damaged bytes, in some mixture."""
    entries = [(chance.choice(NAMES), hostile_image(chance)) for _ in range(chance.randint(0, 8))]
    way = chance.randrange(4)
    if way == 0:
        content = raw_zip(
            ((name.encode("utf-8"), data) for name, data in entries),
            utf8=chance.random() < 0.5,
            flags=chance.choice((0, 0, 1, 8, 0x40, 0x2000)),
            claimed=chance.choice((None, None, 0, 10, 0xFFFFFFFE)),
        )
    elif way == 1:
        infos = []
        for name, data in entries:
            info = zipfile.ZipInfo(name.replace("\0", "") or "x")
            info.external_attr = chance.choice((0, 0o100644, 0o120777, 0o040755, 0o010644)) << 16
            info.create_system = chance.choice((0, 3))
            infos.append((info, data))
        content = zipped(infos)
    else:
        content = zipped([(f"{n}{name}", data) for n, (name, data) in enumerate(entries)])
    return damaged(content, chance) if chance.random() < 0.7 else content
