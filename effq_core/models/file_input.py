"""What an added ``.tflite`` file is fed, and what its outputs are, where that differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError
from effq_core.models.card import Normalisation
from effq_core.photos.image_input import COLOUR

ANSWERS_FILE = "answers.json"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """How outputs are read. One output alone is the probability of the second of two classes."""

    logit: bool = False  # whether a single output is a score before a sigmoid
    background: int | None = None  # place of an output that is no class, if any

    def classes(self, outputs: int) -> int:
        """Returns how many classes a file with so many outputs has."""
        return 2 if outputs == 1 else outputs - (self.background is not None)

    def read(self, outputs: Floats) -> Floats:
        """Reads dequantized outputs for one image, float32 (outputs,), as float32 (classes,)."""
        if len(outputs) == 1:
            yes = outputs[0].astype(np.float64)
            if self.logit:
                yes = 1 / (1 + np.exp(-np.clip(yes, -80, 80)))
            return np.array([1 - yes, yes], np.float32)
        return outputs if self.background is None else np.delete(outputs, self.background)


def write_answers(path: Path, answers: Answers) -> None:
    """Says beside a ``.tflite`` file how its outputs are read where not one for each class."""
    if answers != Answers():
        path.with_name(ANSWERS_FILE).write_text(json.dumps(asdict(answers)), encoding="ascii")


def read_answers(path: Path) -> Answers:
    """Reads what :func:`write_answers` wrote beside a model. Raises ModelError if it is damaged."""
    beside = path.with_name(ANSWERS_FILE)
    if not beside.is_file():
        return Answers()
    try:
        plain = json.loads(beside.read_text(encoding="ascii"))
        background = plain["background"]
        return Answers(bool(plain["logit"]), None if background is None else int(background))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{beside.name} cannot be read ({error}).", "Add the file again."
        ) from error


FEEDING_FILE = "feeding.json"
_RGB = (0, 1, 2)
_FEWEST = 32  # of 256 values kept apart: 2 to 4 with wrong preprocessing, else nearly all


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]  # type of its values
    scale: float = 0.0  # step between neighbouring integers; 0 for floats
    zero_point: int = 0  # the integer that stands for zero


@dataclass(frozen=True)
class Feeding:
    """What is written beside a file."""

    scale: Sequence[float] = (1.0,) * 3  # factor of each channel, from 0–255
    offset: Sequence[float] = (0.0,) * 3  # summand of each
    order: Sequence[int] = _RGB  # which of R, G and B each is; of no meaning where it is grey
    softmax: bool = False  # whether its outputs are scores, and a softmax comes after them

    @property
    def is_needed(self) -> bool:
        """Whether it says anything."""
        channels = len(self.scale)
        return self != Feeding((1.0,) * channels, (0.0,) * channels)

    @classmethod
    def of(
        cls, values: Normalisation | None, channels: int = COLOUR, *, softmax: bool = False
    ) -> Feeding:
        """Makes it of preprocessing for so many channels; ``None`` where there is none."""
        if values is None:
            return cls((1.0,) * channels, (0.0,) * channels, softmax=softmax)
        return cls(values.scale, values.offset, values.order, softmax)

    @property
    def normalisation(self) -> Normalisation:
        """What is done to the pixels."""
        first, second, third = self.order
        return Normalisation(tuple(self.scale), tuple(self.offset), (first, second, third))

    def write(self, path: Path) -> None:
        """Writes it beside a ``.tflite`` file."""
        plain: dict[str, Any] = {"scale": list(self.scale), "offset": list(self.offset)}
        if tuple(self.order) != _RGB:
            plain["order"] = list(self.order)
        if self.softmax:
            plain["softmax"] = True
        path.with_name(FEEDING_FILE).write_text(json.dumps(plain), encoding="ascii")

    def values(self) -> npt.NDArray[np.float64]:
        """Returns the input of each pixel value, (channels, 256)."""
        scale, offset = (np.array(each, np.float64) for each in (self.scale, self.offset))
        values: npt.NDArray[np.float64] = np.arange(256) * scale.reshape(-1, 1)
        return values + offset.reshape(-1, 1)


def read_feeding(path: Path) -> Feeding | None:
    """Reads what is beside a ``.tflite`` file; ``None``: nothing. Raises ModelError if damaged."""
    beside = path.with_name(FEEDING_FILE)
    if not beside.is_file():
        return None
    try:
        plain = json.loads(beside.read_text(encoding="ascii"))
        scale, offset = (tuple(float(each) for each in plain[n]) for n in ("scale", "offset"))
        order = tuple(int(each) for each in plain.get("order", _RGB))
        if sorted(order) != list(_RGB) or len(scale) != len(offset) or len(scale) not in (1, 3):
            raise ValueError("neither of three channels nor of one")
        return Feeding(scale, offset, order, plain.get("softmax") is True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"What {path.name} is to be fed cannot be read ({error}).", "Add the file again."
        ) from error


def input_table(
    path: Path, tensor: TensorSpec, feeding: Feeding | None = None
) -> npt.NDArray[np.generic]:
    """Returns what each pixel value is written as, quantization included; may raise ModelError.

    (256,) of the input's type; with preprocessing outside of the file (channels, 256).
    """
    pixels = np.arange(256, dtype=np.float64) if feeding is None else feeding.values()
    dtype, scale, zero_point = tensor.dtype, tensor.scale, tensor.zero_point
    if dtype == np.float32:
        return pixels.astype(np.float32)
    if dtype.kind not in "iu" or not scale:
        raise ModelError(
            f"{path.name} takes {dtype} input without a scale.",
            "EffQ feeds float32 or quantized integer inputs; convert the model again.",
        )
    bounds = np.iinfo(dtype)
    # Halves go up, as all of a scale of 1/127.5 are: rounded to even, every two values would meet.
    whole = np.floor(np.round(pixels / scale, 4) + 0.5)
    steps: npt.NDArray[np.generic]
    steps = np.clip(whole + zero_point, bounds.min, bounds.max).astype(dtype)
    if (apart := values_apart(steps)) < _FEWEST:
        raise ModelError(
            f"The {dtype} input of {path.name} holds {held(tensor)}. It cannot be fed "
            f"{pixels.min():.4g} to {pixels.max():.4g}: only {apart} of 256 pixel values would "
            "differ.",
            "Choose the preprocessing the model was trained with.",
        )
    return steps


def values_apart(table: npt.NDArray[np.generic]) -> int:
    """Counts the pixel values a table of inputs keeps apart, in its worst channel."""
    return min(len(np.unique(row)) for row in np.atleast_2d(table))


def held(tensor: TensorSpec) -> str:
    """Says which numbers a quantized input can hold."""
    bounds = np.iinfo(tensor.dtype)
    low, high = ((step - tensor.zero_point) * tensor.scale for step in (bounds.min, bounds.max))
    return f"{low:.4g} to {high:.4g}"
