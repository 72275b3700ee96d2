"""Photos from strangers: bounded before they are decoded, named when refused, never shown raw."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image
from skimage import data

from effq_core.base.errors import DatasetError
from effq_core.models.samples import samples_for
from effq_core.photos import uploads
from effq_core.photos.decode import FORMATS, decode
from effq_core.photos.uploads import (
    MAX_UPLOAD_MIB,
    MAX_UPLOAD_PIXELS,
    PREVIEW,
    UPLOAD_TYPES,
    enlarged,
    read_sample,
    read_upload,
    shown_name,
)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def coffee() -> Image.Image:
    return Image.fromarray(data.coffee())


def test_the_pixels_are_those_evaluation_would_make(coffee: Image.Image) -> None:
    photo = read_upload(encoded(coffee), "coffee.png", 64)

    assert (photo.pixels == decode(coffee, 64)).all()
    assert (photo.name, photo.width, photo.height) == ("coffee.png", 600, 400)


@pytest.mark.parametrize("extension", UPLOAD_TYPES)
def test_every_type_that_is_offered_is_read(coffee: Image.Image, extension: str) -> None:
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(extension, extension.upper())
    if kind not in FORMATS:
        pytest.skip(f"this Pillow was built without {kind}")

    assert read_upload(encoded(coffee, kind), f"photo.{extension.upper()}", 32).width == 600


def test_the_preview_darkens_exactly_what_is_cut_off() -> None:
    grey = Image.new("RGB", (640, 320), (200, 200, 200))
    preview = read_upload(encoded(grey), "wide.png", 32).preview

    assert preview.shape == (PREVIEW // 2, PREVIEW, 3)
    assert (preview[:, 80:240] == 200).all()
    assert (preview[:, :80] < 100).all() and (preview[:, 240:] < 100).all()


def test_a_turned_photo_is_upright_in_both_pictures() -> None:
    image = Image.new("RGB", (400, 100), "white")
    image.paste("black", (0, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the left side is up
    photo = read_upload(encoded(image, "JPEG", exif=exif), "x.jpg", 32)

    assert (photo.width, photo.height) == (100, 400)
    assert photo.preview[: photo.preview.shape[0] // 4].mean() < 5
    assert photo.pixels[:12].mean() < 5 and photo.pixels[-12:].mean() > 250


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4000, 1), (1, 4000)])
def test_odd_shapes_still_have_both_pictures(width: int, height: int) -> None:
    photo = read_upload(encoded(Image.new("RGB", (width, height), "red")), "x.png", 16)

    assert photo.pixels.shape == (16, 16, 3) and max(photo.preview.shape) <= max(PREVIEW, 3)


@pytest.mark.parametrize("name", ["photo.heic", "photo.svg", "photo.jpg.exe", "photo", "photo."])
def test_other_extensions_are_refused_whatever_is_inside(coffee: Image.Image, name: str) -> None:
    with pytest.raises(DatasetError, match="not a type of photo") as caught:
        read_upload(encoded(coffee), name, 32)
    assert "jpg" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<html><script>alert(1)</script>",
    ],
    ids=["empty", "only a signature", "svg", "postscript", "html"],
)
def test_content_that_is_no_photo_is_refused_whatever_it_is_called(content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"holiday\.jpg"):
        read_upload(content, "holiday.jpg", 32)


def test_a_truncated_photo_is_named(coffee: Image.Image) -> None:
    with pytest.raises(DatasetError, match=r"half\.jpg is broken"):
        read_upload(encoded(coffee, "JPEG")[:2000], "half.jpg", 32)


def test_a_file_over_the_bound_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "open_image", lambda *_, **__: pytest.fail("it was opened"))

    with pytest.raises(DatasetError, match=rf"large\.png has 20 MiB|at most {MAX_UPLOAD_MIB} MiB"):
        read_upload(bytes(MAX_UPLOAD_MIB * 2**20 + 1), "large.png", 32)


def _png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_pixels_are_bounded_before_decoding() -> None:
    side = int(MAX_UPLOAD_PIXELS**0.5) + 1
    start = time.perf_counter()

    with pytest.raises(DatasetError, match=r"bomb\.png is too large") as caught:
        read_upload(_png_claiming(side, side), "bomb.png", 32)
    assert f"{MAX_UPLOAD_PIXELS:,} pixels" in caught.value.hint
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("kind", ["transparent", "16 bits"])
def test_a_large_photo_takes_a_bearable_amount_of_memory(kind: str, tmp_path) -> None:
    """24 megapixels, as phones make: a few copies at once would be more than half a gigabyte."""
    side = 4900
    image = (
        Image.new("RGBA", (side, side), (9, 9, 9, 99))
        if kind == "transparent"
        else Image.fromarray(np.full((side, side), 30_000, np.uint16))
    )
    path = tmp_path / "large.png"
    path.write_bytes(encoded(image))
    code = (
        "import resource, sys; from pathlib import Path;"
        "from effq_core.photos.uploads import read_upload;"
        "content = Path(sys.argv[1]).read_bytes();"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = peak();"
        "read_upload(content, 'large.png', 224); print((peak() - before) // 1024)"
    )
    answer = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)

    assert int(answer.stdout) < 260, answer.stderr


def test_photos_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    content = encoded(Image.new("RGB", (8, 8)))
    real = uploads.open_image

    def slow(*arguments, **options):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return real(*arguments, **options)

    monkeypatch.setattr(uploads, "open_image", slow)
    threads = [
        threading.Thread(target=read_upload, args=(content, f"{n}.png", 8)) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\me\cat.png", "cat.png"),
        ("a\nb\tc\0.png", "a b c .png"),
        ("evil\u202egpj.exe", "evil gpj.exe"),
        ("", "unnamed"),
        ("\x00", "unnamed"),
        ("Übung – été.jpg", "Übung – été.jpg"),
    ],
)
def test_names_are_made_fit_to_be_shown(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_long_name_keeps_its_extension() -> None:
    shown = shown_name("x" * 500 + ".jpeg")

    assert len(shown) == 80 and shown.endswith("x.jpeg") and "…" in shown


def test_enlarging_repeats_pixels_and_invents_none() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    large = enlarged(pixels, 224)

    assert large.shape == (192, 192, 3)
    assert (large[::3, ::3] == pixels).all() and (large[2::3, 1::3] == pixels).all()
    assert enlarged(large, 100) is not None and enlarged(large, 100).shape == large.shape


def test_samples_say_which_of_the_models_classes_they_show() -> None:
    imagenet = {sample.name: sample.shows for sample in samples_for(["cup", "tabby", "missile"])}
    assert imagenet == {"cat": ("tabby",), "coffee": ("cup",), "rocket": ("missile",)}

    own = samples_for(["cat", "gravel"])  # a head trained on the photos themselves
    assert [(sample.name, sample.shows) for sample in own] == [
        ("cat", ("cat",)),
        ("gravel", ("gravel",)),
    ]


def test_a_model_that_knows_no_sample_is_still_offered_some() -> None:
    samples = samples_for(["tench", "church"])

    assert len(samples) >= 4 and not any(sample.shows for sample in samples)
    for sample in samples:
        photo = read_sample(sample.path, sample.name, 32)
        assert photo.name == sample.name and photo.pixels.std() > 5 and sample.credit
