"""Where float32 and int8 part company on one photo. LiteRT only: the dashboard runs it live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

PARTING_DB = 10.0
"""SQNR under which two models are said to have parted company, in dB."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one operator makes of the photo.

    Attributes:
        tensor: Name of the tensor in the float32 file, as in a signal record.
        layer: Name of its layer.
        block: Name of its block.
        kind: Of its operator.
        sqnr_db: SQNR of this photo, in dB: see :mod:`effq_core.layers.signal_record`.
        cosine: Of this photo's values in float32 and in int8.
    """

    tensor: str
    layer: str
    block: str
    kind: str
    sqnr_db: float
    cosine: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """One photo on its way through both models.

    Attributes:
        steps: One an operator, in the order of the graph.
        float32: float32's probabilities, float32 ``(classes,)``.
        int8: The int8 file's, likewise.
    """

    steps: tuple[Step, ...]
    float32: Floats
    int8: Floats

    @property
    def agrees(self) -> bool:
        """Whether both put the photo into the same class."""
        return int(self.float32.argmax()) == int(self.int8.argmax())

    def first_below(self, threshold_db: float = PARTING_DB) -> Step | None:
        """Finds where the two models part company.

        Args:
            threshold_db: In dB.

        Returns:
            The first operator whose SQNR is lower; ``None`` where none is.
        """
        return next((step for step in self.steps if step.sqnr_db < threshold_db), None)


def trace(float32: Path, int8: Path, image: Image) -> Trace:
    """Follows one photo through both files.

    Args:
        float32: The float32 ``.tflite`` file.
        int8: An int8 file of the same model; ``int8_qat`` and ``int8_mixed`` will do.
        image: RGB 0-255, uint8 ``(side, side, 3)``.

    Returns:
        What each operator makes of it.

    Raises:
        ModelError: If a file cannot be read, the two do not fit each other, or the image does not
            have the model's size.
    """
    raise NotImplementedError


def feature_maps(float32: Path, int8: Path, image: Image, tensor: str) -> tuple[Floats, Floats]:
    """Takes one operator's output on one photo.

    Args:
        float32: The float32 ``.tflite`` file.
        int8: An int8 file of the same model.
        image: RGB 0-255, uint8 ``(side, side, 3)``.
        tensor: Name of the operator's tensor, as in :class:`Step`.

    Returns:
        float32's values, and those int8 has in their place as real numbers; both float32, of the
        tensor's shape without the batch: ``(height, width, channels)`` or ``(channels,)``.

    Raises:
        ModelError: As :func:`trace`, or if there is no such tensor.
    """
    raise NotImplementedError
