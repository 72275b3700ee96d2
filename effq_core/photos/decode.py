"""From any image file to the pixels a model takes; the same code for evaluation and live use."""

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from effq_core.base.errors import DatasetError
from effq_core.photos.image_input import GREY, ImageInput, Resize

MAX_SCAN_PIXELS = 4_000_000_000  # of a JPEG, times scans: 80 at 50 megapixels; usual are ten
MAX_PLAIN_SAMPLES = 4_000_000  # of PNM as text, read in Python: 0.5 s a million
MAX_TILE_SHARE = 4  # area of a TIFF's tile, which libtiff holds whole, as a multiple of the image's
_SMALL_TILE = 1 << 24  # tiles up to this many pixels are always taken
MAX_READS = 1_000_000  # parts of a file Pillow asks for one by one: two seconds at most
_MAX_SEGMENTS = 100_000

# Markers of segments: not a stuffed byte, a restart, or another that is followed by no length.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_SCAN = b"\xff\xda"
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_PLAIN = (b"P1", b"P2", b"P3")


class BoundedReader(io.BytesIO):
    """A file in memory that ends the reading of one cut into countless parts."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads as any file does. Raises OSError if it was asked too often."""
        self._left -= 1
        if self._left < 0:
            raise OSError("it is cut into more parts than an image has")
        return super().read(size)


def refuse_traps(image: Image.Image, data: bytes, name: str) -> None:
    """Refuses an opened, not yet decoded image that would cost far more than its pixels."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        most = MAX_SCAN_PIXELS // max(1, pixels)
        # Counting bytes is quick and never too low; other data may hold the same two bytes.
        if data.count(_SCAN) > most and count_scans(data, most + 1) > most:
            raise _refused(name, f"it is written in more than {most:,} scans")
    elif image.format == "PPM" and data[:2] in _PLAIN:
        samples = pixels * (3 if data[:2] == b"P3" else 1)
        if samples > MAX_PLAIN_SAMPLES:
            raise _refused(name, f"it has {samples:,} values written as text")
    elif image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        width, length = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
        if isinstance(width, int) and isinstance(length, int):
            tile = width * length
            if tile > max(_SMALL_TILE, MAX_TILE_SHARE * pixels):
                raise _refused(name, f"its tiles have {tile:,} pixels, the image {pixels:,}")


def count_scans(data: bytes, limit: int) -> int:
    """Counts a JPEG file's scans as libjpeg does, up to ``limit``, also of endless segments."""
    scans = segments = position = 0
    while scans < limit and (found := _MARKER.search(data, position)) is not None:
        marker, position = found[1][0], found.end()
        segments += 1
        if segments > _MAX_SEGMENTS:
            return limit
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        position += int.from_bytes(data[position : position + 2], "big")
    return scans


def _refused(name: str, why: str) -> DatasetError:
    return DatasetError(
        f"{name} would take too long to decode: {why}.", "Save it as an ordinary JPEG or PNG."
    )


MAX_PIXELS = 89_478_485  # 256 MiB as RGB; a few kilobytes of PNG can claim any size

# Loads all of Pillow's readers: naming a format whose reader is not loaded is an error.
Image.init()
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN
)
"""Formats Pillow decodes itself. EPS, for one, would start an external program on the file."""

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "bmp", "gif", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm", "jp2", "avif"),
    )
)
"""Names that are tried at all; the content decides the format."""

MAX_ASPECT = 16  # longer images are cropped to it: enlarging a strip would take 150 GB
_ORIENTATION = 0x0112  # EXIF's tag
_STRIP = 256  # rows converted at a time where that takes several times the image's memory

_BROKEN = (  # a damaged header leaves parts of a reader unset, or a size of zero
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error),
    *(zlib.error, ArithmeticError, AssertionError, AttributeError, MemoryError, RuntimeError),
)

Pixels = npt.NDArray[np.uint8]


def open_image(
    source: Path | bytes, name: str, *, max_pixels: int = MAX_PIXELS, load: bool = True
) -> Image.Image:
    """Loads an image's first frame as stored, within bounds; no file stays open.

    Without ``load`` only its header is looked at, which is much faster. Raises DatasetError if it
    is missing, empty, not an image, truncated or too large.
    """
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise DatasetError(
            f"{name} cannot be read: {error.strerror or error}.",
            "Check that the file exists and that you may read it.",
        ) from error
    if not data:
        raise DatasetError(f"{name} is empty (zero bytes).", "Copy or download it again.")
    try:
        image = Image.open(BoundedReader(data), formats=FORMATS)
        width, height = image.size
        if width * height > max_pixels:
            raise _too_large(name, f"{width:,}×{height:,} pixels", max_pixels)
        if load:
            refuse_traps(image, data, name)
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, "more pixels than Pillow opens", max_pixels) from error
    except UnidentifiedImageError as error:
        raise DatasetError(
            f"{name} is not an image of a known format.", f"Known: {', '.join(FORMATS)}."
        ) from error
    except _BROKEN as error:
        raise DatasetError(
            f"{name} is broken: {error or type(error).__name__}.", "Copy or download it again."
        ) from error
    return image


def _too_large(name: str, size: str, most: int) -> DatasetError:
    return DatasetError(f"{name} is too large: {size}.", f"Scale it to at most {most:,} pixels.")


def decode(image: Image.Image, entry: int | ImageInput) -> Pixels:
    """Turns a loaded image of any mode into a model's input, or raises DatasetError.

    Transparent parts become white. A number as ``entry`` is the side of a cropped square in colour.
    Returns 0–255, shape ``(side, side, channels)``.
    """
    return to_square(upright_rgb(image), entry)


def upright_rgb(image: Image.Image) -> Image.Image:
    """Turns an image upright (EXIF) and to RGB on white, or returns it; may raise DatasetError."""
    try:
        # Pillow's function copies an upright image, too: 150 MB of a photo of 50 megapixels.
        turned = image.getexif().get(_ORIENTATION) in range(2, 9)
        return _to_rgb(ImageOps.exif_transpose(image) if turned else image)
    except _BROKEN as error:
        raise _inconvertible(image, error) from error


def to_square(rgb: Image.Image, entry: int | ImageInput) -> Pixels:
    """Makes an image the square a model takes: the only place that crops, stretches or greys.

    Returns 0–255, shape ``(side, side, channels)``; grey is ITU-R 601 luma, as Pillow's ``L``.
    """
    entry = ImageInput.of(entry)
    size = entry.side
    try:
        image = rgb.convert("L") if entry.channels == GREY else rgb
        width, height = image.size
        longest = min(width, height) * MAX_ASPECT
        if max(width, height) > longest:
            image = _centre_crop(image, min(width, longest), min(height, longest))
            width, height = image.size
        if entry.resize is Resize.STRETCH:
            sides = size, size
        else:
            scale = size / min(width, height)
            sides = max(size, round(width * scale)), max(size, round(height * scale))
        resized = _centre_crop(image.resize(sides, Image.Resampling.BICUBIC), size, size)
        return np.asarray(resized, dtype=np.uint8).reshape(entry.shape)
    except _BROKEN as error:
        raise _inconvertible(rgb, error) from error


def _inconvertible(image: Image.Image, error: Exception) -> DatasetError:
    return DatasetError(
        f"An image of mode {image.mode} cannot be converted: {error or type(error).__name__}.",
        "Save it as a plain PNG or JPEG.",
    )


def as_rgb(pixels: Pixels) -> Pixels:
    """Returns a model's input as it is shown: grey ones with three equal channels."""
    return pixels if pixels.shape[-1] != GREY else pixels.repeat(3, axis=-1)


def _centre_crop(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # Pillow clips these at 255 when converting, which turns 16-bit photos white.
        image = Image.fromarray(_to_eight_bits(image))
    if image.has_transparency_data or image.mode in ("RGBa", "La"):
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    whole = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP):
        part = image.crop((0, top, image.width, min(top + _STRIP, image.height)))
        if part.mode in ("RGBa", "La"):
            part = part.convert(part.mode.replace("a", "A"))
        part = part.convert("RGBA")
        white = Image.new("RGBA", part.size, "white")
        whole.paste(Image.alpha_composite(white, part).convert("RGB"), (0, top))
    return whole


def _to_eight_bits(image: Image.Image) -> Pixels:
    """Scales grey values of more than 8 bits to 0–255."""
    raw = np.asarray(image)
    strips = [slice(top, top + _STRIP) for top in range(0, len(raw), _STRIP)]
    white = 65535.0
    if not image.mode.startswith("I;16"):
        largest = max(float(_finite(raw[strip]).max()) for strip in strips)
        usual: tuple[float, ...] = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        # Pillow opens some 16-bit PNG and PGM files as 32-bit integers.
        if image.mode == "I" and image.format in ("PNG", "PPM"):
            usual = (65535.0,)
        white = next((level for level in usual if largest <= level), largest)
    scaled = np.empty(raw.shape, np.uint8)
    for strip in strips:
        scaled[strip] = np.clip(np.rint(_finite(raw[strip]) * (255.0 / white)), 0, 255)
    return scaled


def _finite(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
