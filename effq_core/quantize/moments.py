"""What enters the matrix products of an integer file: the moments that rounding rules weigh by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.reporting import Reporter
from effq_core.runtimes.registry import open_session
from effq_core.tflite.matrices import matrix_products

POSITIONS = 1024
"""Positions of an image that are looked at; of larger maps every k-th."""
_FILE = "moments.npz"


@dataclass(frozen=True)
class Moments:
    """Moments of a product's input x over positions and images.

    Attributes:
        second: Mean of x xᵀ, float32 ``(inputs, inputs)``: GPTQ's Hessian but for a factor of 2.
        mean: Mean of x, float32 ``(inputs,)``.
    """

    second: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]


def collect_moments(
    path: Path, images: npt.NDArray[np.uint8], reporter: Reporter, *, threads: int = 2
) -> dict[str, Moments]:
    """Runs an integer file over calibration images and watches what enters its matrix products.

    Args:
        path: Its products are FULLY_CONNECTED: see :mod:`effq_core.tflite.matrices`.
        images: uint8 ``(n, side, side, 3)``, RGB.

    Returns:
        The moments by the name of what the product makes.

    Raises:
        Cancelled: If the user asked to stop.
    """
    session = open_session(path, threads=threads, keep_values=True)
    products = matrix_products(path.read_bytes())
    enters = {op.output.name: tensor for op in products if (tensor := op.inputs[0]) is not None}
    entering = {tensor.index: tensor for tensor in enters.values()}
    sums: dict[int, tuple[Any, Any, int]] = dict.fromkeys(entering, (0.0, 0.0, 0))
    for n, image in enumerate(images):
        reporter.check_cancelled()
        session.feed((image[None].astype(np.int16) - 128).astype(np.int8))
        session.invoke()
        for index, tensor in entering.items():
            values = session.value(index).reshape(-1, tensor.shape[-1])
            # Another offset for every image, so that no position is always left out.
            stride = -(-len(values) // POSITIONS)
            scale, zero_point = tensor.grid or (1.0, 0)
            rows = (values[n % stride :: stride].astype(np.float32) - zero_point) * scale
            second, first, count = sums[index]
            sums[index] = second + rows.T @ rows, first + rows.sum(axis=0), count + len(rows)
        reporter.progress(n + 1, len(images))
    of_input = {
        index: Moments(
            np.asarray(second / count, np.float32), np.asarray(first / count, np.float32)
        )
        for index, (second, first, count) in sums.items()
    }
    return {name: of_input[tensor.index] for name, tensor in enters.items()}


def save_moments(moments: Mapping[str, Moments], folder: Path) -> None:
    """Writes ``moments.npz``."""
    arrays: dict[str, Any] = {f"second {name}": each.second for name, each in moments.items()}
    arrays |= {f"mean {name}": each.mean for name, each in moments.items()}
    np.savez(folder / _FILE, **arrays)


def load_moments(folder: Path) -> dict[str, Moments]:
    """Reads what :func:`save_moments` wrote."""
    with np.load(folder / _FILE) as arrays:
        names = [key.removeprefix("mean ") for key in arrays if key.startswith("mean ")]
        return {name: Moments(arrays[f"second {name}"], arrays[f"mean {name}"]) for name in names}
