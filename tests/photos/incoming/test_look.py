"""Images of every kind are taken, or named with what is wrong."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from effq_core.base.settings import Home
from effq_core.photos.incoming.upload import look_at_files
from tests.photos.incoming.ingest_helpers import encoded, photo


def test_images_of_every_kind_are_taken_or_named(home: Home) -> None:
    rgb = Image.open(io.BytesIO(photo(1)))
    rng = np.random.default_rng(3)
    deep = Image.fromarray(rng.integers(0, 65535, (24, 32), dtype=np.uint16))
    frames = [Image.open(io.BytesIO(photo(n))) for n in (4, 5)]
    good = {
        "exif.jpg": photo(2, "JPEG"),
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated.webp": encoded(frames[1], "WEBP", save_all=True, append_images=frames[:1]),
        "cmyk.jpg": encoded(Image.open(io.BytesIO(photo(6))).convert("CMYK"), "JPEG"),
        "sixteen.png": encoded(deep),
        "icc.png": encoded(rgb, icc_profile=b"not a profile at all" * 50),
        "wrong.jpg": photo(7, "PNG"),
    }
    bad = {
        "cut.jpg": photo(8, "JPEG", (400, 300))[:2000],
        "text.png": b"hello",
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "huge.ppm": b"P6\n30000 30000\n255\n" + bytes(100),
        "svg.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    preview = look_at_files(home, [*good.items(), *bad.items()]).preview
    assert {each.name for each in preview.photos} == set(good)
    reasons = {each.key: each.reason for each in preview.skipped}
    assert set(reasons) == set(bad)
    assert reasons["huge.ppm"].startswith("is too large")
    assert reasons["cut.jpg"].startswith("is broken")
    for name in ("text.png", "script.jpg", "svg.jpg"):
        assert reasons[name] == "is not an image of a known format"
