"""What a ``.tflite`` file somebody brought is fed, where that is not RGB 0-255.

EffQ's own files have their preprocessing inside; such a file stays as it is, so what it was trained
with is written down beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.errors import ModelError

FEEDING_FILE = "feeding.json"


def write_feeding(path: Path, scale: Sequence[float], offset: Sequence[float]) -> None:
    """Says of a model whose preprocessing is not inside what its input is.

    Args:
        path: The ``.tflite`` file; a small file is written beside it.
        scale: Factor of R, G and B from 0–255; one number for a grey input.
        offset: Summand of R, G and B.
    """
    plain = {"scale": list(scale), "offset": list(offset)}
    path.with_name(FEEDING_FILE).write_text(json.dumps(plain), encoding="ascii")


def _feeding(path: Path) -> npt.NDArray[np.float64] | None:
    """Reads what :func:`write_feeding` wrote: the input of each pixel value, (channels, 256)."""
    beside = path.with_name(FEEDING_FILE)
    if not beside.is_file():
        return None
    try:
        plain = json.loads(beside.read_text(encoding="ascii"))
        scale, offset = (np.array(plain[name], np.float64) for name in ("scale", "offset"))
        values: npt.NDArray[np.float64] = np.arange(256) * scale.reshape(-1, 1)
        if len(values) not in (1, 3):
            raise ValueError(f"{len(values)} channels")
        return values + offset.reshape(len(values), 1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{beside} cannot be read ({error}).", "Add the file again.") from error


def input_table(path: Path, detail: dict[str, Any]) -> npt.NDArray[np.generic]:
    """Returns what each pixel value is written as, the file's own quantization included.

    Args:
        path: The ``.tflite`` file.
        detail: Of its input, as LiteRT tells.

    Returns:
        (256,) of the input's type; with preprocessing outside of the file a row a channel,
        (channels, 256).

    Raises:
        ModelError: If the input is an integer without a scale.
    """
    feeding = _feeding(path)
    pixels = np.arange(256, dtype=np.float64) if feeding is None else feeding
    dtype = np.dtype(detail["dtype"])
    if dtype == np.float32:
        return pixels.astype(np.float32)
    scale, zero_point = detail["quantization"]
    if dtype.kind not in "iu" or not scale:
        raise ModelError(
            f"{path} takes {dtype} input without a scale.",
            "EffQ feeds float32 or quantized integer inputs; convert the model again.",
        )
    bounds = np.iinfo(dtype)
    steps: npt.NDArray[np.generic] = np.clip(
        np.rint(pixels / scale) + zero_point, bounds.min, bounds.max
    ).astype(dtype)
    return steps
