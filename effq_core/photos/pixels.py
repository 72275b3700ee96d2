"""Samples as arrays on disk: decoded once, mapped into memory by every process that needs them."""

import json
import math
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError, StoreError
from effq_core.base.reporting import Reporter
from effq_core.photos.decode import Pixels, decode
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Dataset, ImageItem, Skipped, items_from_json, items_to_json

PIXELS_FILE = "pixels.npy"
ITEMS_FILE = "items.json"
_THREADS = 2
_AHEAD = 8  # images decoded before they are asked for: enough to keep both threads busy
_EVERY = 16  # images between two reports


@dataclass(frozen=True)
class PixelSummary:
    """What :func:`write_pixels` wrote."""

    count: int
    asked: int  # images asked for
    size: int  # side of each in pixels
    skipped: tuple[Skipped, ...]

    @property
    def shortfall(self) -> int:
        """How many images fewer there are than asked for."""
        return self.asked - self.count


def write_pixels(
    dataset: Dataset,
    order: Sequence[ImageItem],
    n: int,
    entry: int | ImageInput,
    out_dir: Path,
    reporter: Reporter,
) -> PixelSummary:
    """Decodes the first ``n`` good images of an order into ``pixels.npy`` and ``items.json``.

    The pixels are uint8 ``(count, side, side, channels)``. A broken image is reported and replaced
    by the next. Raises DatasetError if not one image can be decoded, StoreError if it cannot write.
    """
    path, entry = out_dir / PIXELS_FILE, ImageInput.of(entry)
    wanted = min(n, len(order))
    kept: list[ImageItem] = []
    skipped: list[Skipped] = []
    try:
        if wanted:
            array = np.lib.format.open_memmap(
                path, mode="w+", dtype=np.uint8, shape=(wanted, *entry.shape)
            )
            _reserve(path)
            # Closed at once, also on errors: its threads must not outlive this call.
            with closing(_decoded(dataset, order, entry)) as decoded:
                for item, outcome in decoded:
                    if isinstance(outcome, DatasetError):
                        skipped.append(Skipped(item.key, outcome.message))
                        reporter.event("skipped", key=item.key, reason=outcome.message)
                    else:
                        array[len(kept)] = outcome
                        kept.append(item)
                    if (len(kept) + len(skipped)) % _EVERY == 0:
                        reporter.check_cancelled()
                        reporter.progress(len(kept), wanted)
                    if len(kept) == wanted:
                        break
            array.flush()
            del array
        if not kept:
            path.unlink(missing_ok=True)
            raise _nothing(dataset, len(order), skipped)
        if len(kept) < wanted:
            _shorten(path, len(kept))
        summary = PixelSummary(len(kept), n, entry.side, tuple(skipped))
        _write_items(out_dir, kept, summary)
    except OSError as error:
        raise StoreError(
            f"Decoded images cannot be written to {out_dir}: {error.strerror or error}.",
            f"They need {fmt.size(wanted * math.prod(entry.shape))}: free some space, or choose "
            "fewer images.",
        ) from error
    reporter.progress(len(kept), len(kept))
    if summary.shortfall:
        reporter.event(
            "warning",
            message=f"{n:,} images were asked for and {len(kept):,} could be used"
            f" ({len(skipped):,} broken).",
        )
    return summary


def read_pixels(folder: Path) -> tuple[Pixels, list[ImageItem]]:
    """Reads pixels, mapped uint8 ``(count, side, side, channels)``, and the image of each row."""
    try:
        pixels: Pixels = np.load(folder / PIXELS_FILE, mmap_mode="r", allow_pickle=False)
        plain = json.loads((folder / ITEMS_FILE).read_text(encoding="utf-8"))
        items = items_from_json(plain["items"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The decoded images in {folder} are corrupt ({error}).",
            "Delete that folder and run again: they are decoded again.",
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) != len(items):
        raise StoreError(
            f"The decoded images in {folder} are corrupt: {pixels.shape} pixels for"
            f" {len(items):,} images.",
            "Delete that folder and run again: they are decoded again.",
        )
    return pixels, items


def _decoded(
    dataset: Dataset, order: Sequence[ImageItem], entry: ImageInput
) -> Generator[tuple[ImageItem, Pixels | DatasetError], None, None]:
    """Yields each image of the order with its pixels, or with what is wrong with it."""

    def one(item: ImageItem) -> Pixels | DatasetError:
        try:
            return decode(dataset.open(item), entry)
        except DatasetError as error:
            return error

    waiting: deque[tuple[ImageItem, Future[Pixels | DatasetError]]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="decode") as pool:
        try:
            for item in order:
                waiting.append((item, pool.submit(one, item)))
                if len(waiting) >= _AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _reserve(path: Path) -> None:
    """Claims the disk space of a sparse file: a memory map on a full disk kills the process."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _shorten(path: Path, count: int) -> None:
    whole = np.load(path, mmap_mode="r")
    shorter = path.with_suffix(".short")
    with shorter.open("wb") as file:
        np.lib.format.write_array(file, whole[:count], allow_pickle=False)
    del whole
    shorter.replace(path)


def _write_items(folder: Path, kept: Sequence[ImageItem], summary: PixelSummary) -> None:
    skipped = [[entry.key, entry.reason] for entry in summary.skipped]
    plain: dict[str, Any] = {"items": items_to_json(kept), "skipped": skipped}
    plain |= {"size": summary.size, "n": summary.count, "asked": summary.asked}
    (folder / ITEMS_FILE).write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")


def _nothing(dataset: Dataset, tried: int, skipped: Sequence[Skipped]) -> DatasetError:
    if not tried:
        return DatasetError(f"{dataset.id} has no image for this sample.", "Add images.")
    return DatasetError(
        f"None of {tried:,} images of {dataset.id} can be decoded; the first: {skipped[0].reason}",
        "Replace them by images that open in a viewer.",
    )
