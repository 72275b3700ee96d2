"""What the part of an integer file that is not trained gives, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.reporting import Reporter
from effq_core.runtimes.registry import open_session
from effq_core.tflite.cutting import part_before


def run_trunk(
    file: bytes,
    first: int,
    images: npt.NDArray[np.uint8],
    target: Path,
    reporter: Reporter,
    *,
    threads: int = 2,
) -> None:
    """Writes what enters operator ``first`` for each image, int8 ``(n, ...)``, as ``.npy``.

    Args:
        file: A ``.tflite`` file of integers.
        images: uint8 ``(n, side, side, 3)``, RGB.
        target: Where to write; the part of the file lies beside it.

    Raises:
        Cancelled: If the user asked to stop.
    """
    part = target.with_suffix(".tflite")
    part.write_bytes(part_before(file, first))
    session = open_session(part, threads=threads)
    shape = (len(images), *session.outputs[0].shape[1:])
    found = np.lib.format.open_memmap(target, mode="w+", dtype=np.int8, shape=shape)
    for n, image in enumerate(images):
        reporter.check_cancelled()
        session.feed((image[None].astype(np.int16) - 128).astype(np.int8))
        session.invoke()
        found[n] = session.answer()[0]
        reporter.progress(n + 1, len(images))
    found.flush()
