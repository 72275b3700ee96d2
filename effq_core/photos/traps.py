"""Image files that are small and well-formed and still take minutes or gigabytes to decode."""

import io
import re

from PIL import Image

from effq_core.base.errors import DatasetError

MAX_SCAN_PIXELS = 4_000_000_000
"""Scans of a JPEG times its pixels: allows 80 at 50 megapixels; programs write about ten."""
MAX_PLAIN_SAMPLES = 4_000_000  # of PNM as text, read in Python: 0.5 s a million
MAX_TILE_SHARE = 4
"""Area of a TIFF's tile, which libtiff holds whole, as a multiple of the image's."""
_SMALL_TILE = 1 << 24  # tiles up to this many pixels are always taken
MAX_READS = 1_000_000
"""Parts of a file Pillow asks for one by one: two seconds at most."""
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
