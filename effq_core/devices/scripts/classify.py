#!/usr/bin/env python3
"""Names what is on photos, with the model file beside this program.

    pip install -r requirements.txt
    python classify.py PHOTO... [--top 5] [--threads N] [--json]

Needs ai-edge-litert, numpy and Pillow, and nothing else. With the versions in requirements.txt the
answers are those of EffQ Studio to the last bit on the same kind of processor: photos are decoded,
turned, cropped (or stretched, where input.json beside the model says so), made grey for a grey
model, and fed to it in exactly the same way. An output that input.json leaves out gets 0. Other
versions work too, from Python 3.9 on, unless input.json names the LiteRT that the model needs.
Exit codes: 0 every photo was answered, 1 at least one was not, 2 the command or the model cannot be
used.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import re
import struct
import sys
import time
import warnings
import zlib
from importlib import metadata
from pathlib import Path
from typing import Any

try:
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError as missing:
    sys.exit(f"{missing}. Install what is needed: pip install -r requirements.txt")

MAX_PIXELS = 89_478_485  # largest photo decoded, in pixels: a few kilobytes can claim any size
MAX_ASPECT = 16  # longer photos are cropped to this ratio of sides before they are resized

Image.init()  # loads all of Pillow's readers: naming one that is not loaded is an error
# Formats Pillow decodes itself. EPS, for one, would start an external program on the file.
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN
)

_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
_ORIENTATION = 0x0112  # EXIF's tag
_STRIP = 256  # rows converted at a time where that takes several times the photo's memory
# What Pillow raises for broken files.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error),
    *(zlib.error, OverflowError, MemoryError, RuntimeError, NotImplementedError),
)


class Problem(Exception):  # noqa: N818 - what a person reads, whoever is at fault
    """Something that cannot be used; the text names it and says why."""


class Classifier:
    """A ``.tflite`` classifier and its labels; Problem if a file is missing or does not fit."""

    def __init__(self, path: Path, labels: Path, threads: int = 1) -> None:
        check_version(path)
        self._interpreter = _load(path, threads)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        shapes = [tuple(int(side) for side in detail["shape"]) for detail in (*inputs, *outputs)]
        fits = len(shapes) == 2 and len(shapes[0]) == 4 and len(shapes[1]) == 2
        fits = fits and shapes[0][0] == 1 and shapes[0][1] == shapes[0][2]
        if not fits or shapes[0][3] not in (1, 3):
            raise Problem(f"{path} is not an image classifier: its tensors are {shapes}.")
        self.size, self.channels = shapes[0][1], shapes[0][3]
        self.stretch, self.ignored = _settings(path.with_name("input.json"), shapes[1][1])
        self._input, self._output = inputs[0], outputs[0]
        # A pixel has one of 256 values, so the file's own quantization becomes a table.
        self._table = _input_values(path, self._input)
        self.labels = _read_labels(labels)
        if len(self.labels) != shapes[1][1]:
            raise Problem(f"{labels} has {len(self.labels)} names for {shapes[1][1]} outputs.")
        blank = np.zeros((self.size, self.size, self.channels), np.uint8)
        self.probabilities(blank)  # the first is slower

    def probabilities(self, pixels: Any) -> Any:
        """Answers 0–255, uint8 (size, size, channels), by float32 (classes,), dequantized."""
        self._interpreter.set_tensor(self._input["index"], self._table[pixels][np.newaxis])
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._output["index"])[0]
        if raw.dtype.kind == "f":
            return np.asarray(raw, np.float32)
        scale, zero_point = self._output["quantization"]
        return (raw.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)

    def answer(self, photo: Path, top: int) -> dict[str, Any]:
        """Names the ``top`` most probable classes of a photo, best first, equals by index.

        With the milliseconds of the invocation. Raises Problem if the photo cannot be read.
        """
        pixels = decode(photo, self.size, channels=self.channels, stretch=self.stretch)
        start = time.perf_counter_ns()
        output = self.probabilities(pixels)
        ms = (time.perf_counter_ns() - start) / 1e6
        if self.ignored is not None:
            output[self.ignored] = 0
        guesses = [
            {"index": int(i), "label": self.labels[i], "probability": float(output[i])}
            for i in np.argsort(-output, kind="stable")[:top]
        ]
        return {"image": str(photo), "guesses": guesses, "ms": ms}


def decode(photo: Path, size: int, *, channels: int = 3, stretch: bool = False) -> Any:
    """Turns a photo into the model's input: upright, a square, in colour or grey.

    Of several frames or pages the first counts. ``channels`` is 3, or 1 for grey; ``stretch``
    resizes both sides, in place of the shortest one and a crop. Returns 0–255, uint8 (size, size,
    channels). Raises Problem if it is missing, empty, not an image, broken or too large.
    """
    try:
        data = photo.read_bytes()
    except OSError as error:
        raise Problem(f"{photo} cannot be read: {error.strerror or error}.") from error
    if not data:
        raise Problem(f"{photo} is empty (zero bytes).")
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Problem(f"{photo} is too large: {width:,} × {height:,} pixels.")
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Problem(f"{photo} is too large: more pixels than Pillow opens.") from error
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise Problem(f"{photo} is not an image of a known format ({known}).") from error
    except _BROKEN as error:
        raise Problem(f"{photo} is broken: {error or type(error).__name__}.") from error
    try:
        return to_square(upright_rgb(image), size, channels=channels, stretch=stretch)
    except _BROKEN as error:
        why = error or type(error).__name__
        raise Problem(f"{photo} (mode {image.mode}) cannot be converted: {why}.") from error


def upright_rgb(image: Image.Image) -> Image.Image:
    """Turns an image as its EXIF orientation says; transparent parts become white."""
    turned = image.getexif().get(_ORIENTATION) in range(2, 9)
    return _to_rgb(ImageOps.exif_transpose(image) if turned else image)


def to_square(rgb: Image.Image, size: int, *, channels: int = 3, stretch: bool = False) -> Any:
    """Crops or stretches to a square; grey is ITU-R 601 luma: uint8 (size, size, channels)."""
    image = rgb.convert("L") if channels == 1 else rgb
    width, height = image.size
    longest = min(width, height) * MAX_ASPECT
    if max(width, height) > longest:
        image = _centre_crop(image, min(width, longest), min(height, longest))
        width, height = image.size
    scale = size / min(width, height)
    sides = max(size, round(width * scale)), max(size, round(height * scale))
    resized = image.resize((size, size) if stretch else sides, Image.Resampling.BICUBIC)
    square = np.asarray(_centre_crop(resized, size, size), dtype=np.uint8)
    return square.reshape(size, size, channels)


def _centre_crop(image: Image.Image, width: int, height: int) -> Image.Image:
    left = (image.width - width) // 2
    top = (image.height - height) // 2
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


def _to_eight_bits(image: Image.Image) -> Any:
    """Scales grey values of more than 8 bits to 0–255; 16 bits by their whole range."""
    raw = np.asarray(image)
    strips = [slice(top, top + _STRIP) for top in range(0, len(raw), _STRIP)]
    white = 65535.0
    if not image.mode.startswith("I;16"):
        # These do not say what white is: 1, 255 or 65535, the first the values fit in.
        largest = max(float(_finite(raw[strip]).max()) for strip in strips)
        usual: tuple[float, ...] = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        if image.mode == "I" and image.format in ("PNG", "PPM"):
            usual = (65535.0,)  # Pillow opens some 16-bit files as 32-bit integers
        white = next((level for level in usual if largest <= level), largest)
    scaled = np.empty(raw.shape, np.uint8)
    for strip in strips:
        scaled[strip] = np.clip(np.rint(_finite(raw[strip]) * (255.0 / white)), 0, 255)
    return scaled


def _finite(values: Any) -> Any:
    return np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)


def check_version(path: Path) -> None:
    """Refuses a model that the installed LiteRT cannot run, and warns where it is slow.

    input.json beside the model names the versions, if it needs any. Raises Problem.
    """
    beside = path.with_name("input.json")
    if not beside.is_file():
        return
    try:
        need = json.loads(beside.read_text(encoding="utf-8")).get("litert")
        runs, fast = (need["runs"], need["fast"]) if need else ("0", "0")
        least, enough = _numbers(runs), _numbers(fast)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{beside} cannot be read: {error}.") from error
    advice = f"pip install 'ai-edge-litert>={fast}'"
    found = _installed()
    if not need or found is None:
        return
    name, version = found
    if name != "ai-edge-litert" or _numbers(version) < least:
        raise Problem(
            f"{name} {version} cannot run {path.name}: it needs ai-edge-litert {runs} or later. "
            f"Install it: {advice}"
        )
    if _numbers(version) < enough:
        print(
            f"{name} {version} runs {path.name} slowly: ai-edge-litert {fast} or later is fast. "
            f"Install it: {advice}",
            file=sys.stderr,
        )


def _installed() -> tuple[str, str] | None:
    """Returns name and version of the LiteRT that is used; ``None`` where there is none."""
    for module in _RUNTIMES:
        name = module.partition(".")[0].replace("_", "-")
        try:
            importlib.import_module(module)
            return name, metadata.version(name)
        except (ImportError, metadata.PackageNotFoundError):
            continue
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _load(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise Problem(f"There is no file {path}.")
    for name in _RUNTIMES:
        try:
            make = importlib.import_module(name).Interpreter
        except ImportError:
            continue
        try:
            interpreter = make(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise Problem(f"LiteRT cannot load {path}: {error}") from error
        return interpreter
    raise Problem("LiteRT is not installed: pip install -r requirements.txt")


def _input_values(path: Path, detail: dict[str, Any]) -> Any:
    pixels = np.arange(256, dtype=np.float64)
    dtype = np.dtype(detail["dtype"])
    if dtype == np.float32:
        return pixels.astype(np.float32)
    scale, zero_point = detail["quantization"]
    if dtype.kind not in "iu" or not scale:
        raise Problem(f"{path} takes {dtype} input without a scale.")
    bounds = np.iinfo(dtype)
    steps = np.floor(np.round(pixels / scale, 4) + 0.5) + zero_point
    return np.clip(steps, bounds.min, bounds.max).astype(dtype)


def _read_labels(path: Path) -> list[str]:
    try:
        # Not splitlines(): a name may hold a character that only Unicode calls a line's end.
        return path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read: {error}.") from error


def _settings(path: Path, outputs: int) -> tuple[bool, int | None]:
    """Reads whether photos are stretched and which output is no answer, where that is written."""
    if not path.is_file():
        return False, None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        resize, ignored = plain["resize"], plain.get("ignored")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(f"{path} cannot be read: {error}.") from error
    if resize not in ("crop", "stretch"):
        raise Problem(f"{path} asks for the resize {resize!r}: crop and stretch are known.")
    if ignored is not None and (type(ignored) is not int or not 0 <= ignored < outputs):
        raise Problem(f"{path} leaves out the output {ignored!r}: there are {outputs}.")
    return bool(resize == "stretch"), ignored


def _only_model(folder: Path) -> Path:
    found = sorted(folder.glob("*.tflite"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise Problem(f"One .tflite file belongs into {folder}, there is: {names}. Use --model.")
    return found[0]


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def main(arguments: list[str] | None = None) -> int:
    """Answers the photos of a command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Name what is on photos.")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("--top", type=_at_least_one, default=5, metavar="N", help="classes to name")
    parser.add_argument("--threads", type=_at_least_one, default=1, metavar="N")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--model", type=Path, help="the .tflite file; by default the one beside me")
    choices = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter shows its code instead of ending the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is checked here
    try:
        model = choices.model or _only_model(Path(__file__).resolve().parent)
        classifier = Classifier(model, model.parent / "labels.txt", choices.threads)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    told: list[dict[str, Any]] = []
    for photo in choices.photos:
        try:
            found = classifier.answer(photo, choices.top)
        except Problem as problem:
            # One bad photo must not cost the answers for the others.
            print(problem, file=sys.stderr)
            found = {"image": str(photo), "error": str(problem)}
        told.append(found)
        if not choices.json and "guesses" in found:
            print(f"{photo}  ({found['ms']:.1f} ms)")
            for guess in found["guesses"]:
                print(f"  {guess['probability']:7.2%}  {guess['label']}")
    if choices.json:
        print(json.dumps(told, indent=1))
    return 1 if any("error" in found for found in told) else 0


if __name__ == "__main__":
    sys.exit(main())
