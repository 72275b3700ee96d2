from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.photos import decode as module
from effq_core.photos.decode import MAX_PIXELS, Pixels, decode, open_image

ORIENTATION = 0x0112
# What each EXIF orientation does to an upright image to give the stored one.
STORED_AS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode_bytes(data: bytes, size: int, name: str) -> Pixels:
    return decode(open_image(data, name), size)


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_exif_orientation_is_applied(orientation: int) -> None:
    upright = noise(40, 30)
    stored = Image.fromarray(np.ascontiguousarray(STORED_AS[orientation](upright)))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = saved(stored, exif=exif)
    np.testing.assert_array_equal(
        decode_bytes(data, 30, "x"), decode(Image.fromarray(upright), 30), strict=True
    )


def test_the_centre_of_an_image_of_the_right_size_is_taken_unchanged() -> None:
    pixels = noise(50, 32)
    np.testing.assert_array_equal(decode(Image.fromarray(pixels), 32), pixels[:, 9:41])


def test_the_shortest_side_is_resized_then_the_centre_cropped() -> None:
    image = Image.fromarray(noise(213, 160))
    expected = image.resize((298, 224), Image.Resampling.BICUBIC).crop((37, 0, 261, 224))
    np.testing.assert_array_equal(decode(image, 224), np.asarray(expected))


@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_any_shape_gives_the_square_asked_for(width: int, height: int, size: int) -> None:
    result = decode(Image.new("RGB", (width, height), (10, 20, 30)), size)
    assert result.shape == (size, size, 3)
    assert result.dtype == np.uint8
    assert (result == (10, 20, 30)).all()


def test_a_strip_of_a_million_pixels_needs_no_huge_intermediate_image() -> None:
    assert decode(Image.new("L", (1_000_000, 1), 7), 224).shape == (224, 224, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "HSV"])
def test_white_stays_white_in_every_mode(mode: str) -> None:
    image = Image.new("RGB", (20, 20), "white").convert("RGBA" if mode in ("LA", "PA") else mode)
    assert (decode(image.convert(mode), 10) >= 254).all()


def test_grey_and_palette_keep_their_values() -> None:
    grey = Image.new("L", (8, 8), 77)
    assert (decode(grey, 8) == 77).all()
    palette = Image.new("RGB", (8, 8), (200, 30, 60)).quantize(4)
    assert palette.mode == "P"
    assert (decode(palette, 8) == (200, 30, 60)).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_files_come_out_as_the_colour_they_show(kind: str) -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK")
    result = decode_bytes(saved(red, kind), 8, "x").astype(int)
    assert (abs(result - (255, 0, 0)) <= 6).all()


def test_transparent_parts_become_white_in_each_way_a_file_says_so() -> None:
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert (decode(half, 8) == (255, 127, 127)).all()
    assert (decode_bytes(saved(Image.new("LA", (8, 8), (0, 0))), 8, "x") == 255).all()
    keyed = saved(Image.new("L", (8, 8), 9), transparency=9)
    assert (decode_bytes(keyed, 8, "x") == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert (decode_bytes(saved(palette, transparency=0), 8, "x") == 255).all()
    assert (decode(half.convert("RGBa"), 8)[0, 0] >= (254, 126, 126)).all()


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]] * 4, dtype=np.uint16)
    expected = [0, 1, 128, 255]
    for data in (saved(Image.fromarray(values)), saved(Image.fromarray(values), "TIFF")):
        assert decode_bytes(data, 4, "x")[0, :, 0].tolist() == expected
    # A dark photo must not be brightened because all its values fit in 8 bits.
    dark = np.full((4, 4), 200, dtype=np.uint16)
    assert (decode_bytes(saved(Image.fromarray(dark)), 4, "x") == 1).all()


def test_a_sixteen_bit_colour_png_is_read() -> None:
    row = b"\0" + struct.pack(">3H", 65535, 32896, 0) * 4

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", zlib.compress(row * 4)) + chunk(b"IEND", b"")
    assert (decode_bytes(png, 4, "x") == (255, 128, 0)).all()


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 1e6])
def test_floats_are_scaled_by_the_white_they_fit_in(white: float) -> None:
    values = np.array([[0.0, white, 0.0, white]] * 4, dtype=np.float32)
    values[1, 0] = np.nan
    assert decode(Image.fromarray(values), 4)[0, :, 0].tolist() == [0, 255, 0, 255]


def test_integers_of_32_bits_are_scaled() -> None:
    values = np.array([[0, 65535], [65535, 0]], dtype=np.int32)
    assert decode(Image.fromarray(values), 2)[0, :, 0].tolist() == [0, 255]
    assert (decode(Image.fromarray(np.full((2, 2), 9, dtype=np.int32)), 2) == 9).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_formats_pillow_decodes_itself_are_read(kind: str) -> None:
    result = decode_bytes(saved(Image.new("RGB", (9, 7), (0, 0, 255)), kind), 5, "x").astype(int)
    assert (abs(result - (0, 0, 255)) <= 4).all()


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_bytes(data, 6, "x") == (255, 0, 0)).all()


def test_the_content_decides_not_the_extension(tmp_path: Path) -> None:
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(saved(Image.new("RGB", (6, 6), "red")))
    assert open_image(path, path.name).format == "PNG"


def test_zero_bytes_are_said_to_be_empty() -> None:
    with pytest.raises(DatasetError, match=r"a\.jpg is empty"):
        open_image(b"", "a.jpg")


def test_text_is_not_an_image() -> None:
    with pytest.raises(DatasetError, match=r"a\.jpg is not an image"):
        open_image(b"hello", "a.jpg")


def test_postscript_is_refused_before_any_program_is_started() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(DatasetError, match="not an image of a known format"):
        open_image(eps, "a.eps")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_truncated_files_are_broken_at_every_length(kind: str) -> None:
    data = saved(Image.fromarray(noise(64, 64)), kind)
    for length in range(1, len(data) * 9 // 10, len(data) // 12):
        with pytest.raises(DatasetError, match=r"^cut "):
            open_image(data[:length], "cut")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(position=st.integers(0, 10_000), value=st.integers(0, 255), kind=st.sampled_from("JPTG"))
@settings(max_examples=150, deadline=None)
def test_damaged_files_decode_or_are_named_but_never_crash(
    position: int, value: int, kind: str
) -> None:
    name = {"J": "JPEG", "P": "PNG", "T": "TIFF", "G": "GIF"}[kind]
    data = bytearray(saved(Image.fromarray(noise(16, 16)), name))
    data[position % len(data)] = value
    try:
        assert decode_bytes(bytes(data), 8, "odd").shape == (8, 8, 3)
    except DatasetError as error:
        assert error.message


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 30_000])
def test_huge_dimensions_are_refused_before_decoding(side: int) -> None:
    bomb = b"P6\n%d %d\n255\n" % (side, side)
    with pytest.raises(DatasetError, match="too large") as caught:
        open_image(bomb + b"\0" * 100, "bomb.ppm")
    assert f"{MAX_PIXELS:,}" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.png cannot be read: No such file"):
        open_image(tmp_path / "gone.png", "gone.png")


def test_every_extension_listed_belongs_to_a_format_that_is_opened() -> None:
    Image.init()
    registered = Image.registered_extensions()
    # Pillow opens MPO, the JPEG of phones with several lenses, as JPEG.
    assert {registered[ext] for ext in module.EXTENSIONS} <= {*module.FORMATS, "MPO"}
    first = Image.new("RGB", (6, 6), "red")
    data = saved(first, "MPO", save_all=True, append_images=[Image.new("RGB", (6, 6), "blue")])
    image = open_image(data, "x.mpo")
    assert image.format == "MPO"
    assert decode(image, 6)[0, 0, 0] > 250
