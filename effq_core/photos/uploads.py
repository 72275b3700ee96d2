"""Photos people hand to a served dashboard: bounded before they are decoded, named when refused."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.photos.decode import as_rgb, open_image, to_square, upright_rgb
from effq_core.photos.image_input import ImageInput, Resize

Pixels = npt.NDArray[np.uint8]
MAX_UPLOAD_MIB = 20  # largest photo to answer; zips of photos may be larger
MAX_PHOTOS = 20  # photos answered at a time
MAX_UPLOAD_PIXELS = 50_000_000  # what phones make; 150 MB as RGB while it is decoded
UPLOAD_TYPES = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif")
PREVIEW = 320  # longest side of a preview in pixels
_NAME_LENGTH = 80
_OUTSIDE = 0.35  # brightness of a preview's parts that the model does not see

# One at a time: the memory of several visitors' large photos would add up.
_decoding = threading.Lock()


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """A photo, read."""

    name: str
    width: int  # of the upright photo in pixels
    height: int
    pixels: Pixels  # what the model sees: 0–255, uint8 (size, size, channels)
    preview: Pixels  # the whole photo, small, the unseen darkened; uint8
    resize: Resize = Resize.CROP  # how the photo became the model's square


def shown_name(name: str) -> str:
    """Makes a file's name fit to be shown: one short line of printable characters, no folder."""
    last = name.replace("\\", "/").rpartition("/")[2]
    line = fmt.one_line(last) or "unnamed"
    if len(line) <= _NAME_LENGTH:
        return line
    return f"{line[: _NAME_LENGTH - 12]}…{line[-11:]}"  # the extension stays readable


def read_upload(data: bytes, name: str, entry: int | ImageInput) -> Photo:
    """Reads an uploaded photo as evaluation would read the file, or raises DatasetError."""
    shown = shown_name(name)
    extension = Path(shown).suffix.lower().lstrip(".")
    if extension not in UPLOAD_TYPES:
        kind = f"ends in .{extension}" if extension else "has no extension"
        raise DatasetError(
            f"{shown} {kind}, which is not a type of photo that is read.",
            f"Save it as one of: {', '.join(UPLOAD_TYPES)}.",
        )
    if len(data) > MAX_UPLOAD_MIB * 2**20:
        raise DatasetError(
            f"{shown} has {fmt.size(len(data))}.",
            f"A photo may have at most {MAX_UPLOAD_MIB} MiB: save it smaller.",
        )
    with _decoding:
        image = open_image(data, shown, max_pixels=MAX_UPLOAD_PIXELS)
        return _read(image, shown, ImageInput.of(entry))


def read_sample(path: Path, name: str, entry: int | ImageInput) -> Photo:
    """Reads a photo that comes with EffQ Studio. Raises DatasetError if it is missing or broken."""
    return _read(open_image(path, path.name), name, ImageInput.of(entry))


def enlarged(pixels: Pixels, side: int) -> Pixels:
    """Enlarges uint8 (size, size, channels) by a whole factor to RGB of at most ``side``."""
    factor = max(1, side // pixels.shape[0])
    return as_rgb(pixels).repeat(factor, axis=0).repeat(factor, axis=1)


def _read(image: Image.Image, name: str, entry: ImageInput) -> Photo:
    rgb = upright_rgb(image)
    (width, height), how = rgb.size, entry.resize
    pixels, preview = to_square(rgb, entry), _preview(rgb, how)
    return Photo(name=name, width=width, height=height, pixels=pixels, preview=preview, resize=how)


def _preview(rgb: Image.Image, resize: Resize) -> Pixels:
    scale = min(1.0, PREVIEW / max(rgb.size))
    width, height = (max(1, round(side * scale)) for side in rgb.size)
    small = np.asarray(rgb.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3))
    if resize is Resize.STRETCH:
        return small  # the model sees all of it
    preview: Pixels = (small * _OUTSIDE).astype(np.uint8)
    square = min(width, height)
    left, top = (width - square) // 2, (height - square) // 2
    seen = (slice(top, top + square), slice(left, left + square))
    preview[seen] = small[seen]
    return preview
