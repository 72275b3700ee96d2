"""Whether a quantized input fits the preprocessing that was said; imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.models.file_input import Feeding, TensorSpec, held, input_table, values_apart
from effq_core.models.own.preprocessing import Preprocessing
from effq_core.runtimes.model import channels_of
from effq_core.runtimes.registry import open_session

_LEAST = 160
"""Fewer of 256 pixel values stay apart only with wrong preprocessing: 141 at most, else 200."""
_CERTAIN = 192  # so few are worth a note
_SAME = 0.25  # steps; a full-range scale of −1 to 1 gives half a step more


@dataclass(frozen=True)
class Fit:
    """What a file is fed."""

    feeding: Feeding  # what is done to its pixels
    fed: dict[str, float] | None = None  # scale and offset, where the preprocessing's are not
    note: str = ""  # what a reader must know; empty where all fits


def fit(path: Path, preprocessing: Preprocessing) -> Fit:
    """Finds out what a file has to be fed, or raises ModelError if it cannot be fed so."""
    tensor = open_session(path).inputs[0]
    channels = channels_of(tensor.shape)
    given = preprocessing.normalisation
    feeding = Feeding.of(given and given.for_channels(channels), channels)
    try:
        table = input_table(path, tensor, feeding)
    except ModelError:
        if given is not None or tensor.dtype.itemsize != 1 or not tensor.scale:
            raise
        return _bytes(tensor, channels)
    apart = values_apart(table)
    if table.dtype.kind == "f" or apart >= _CERTAIN:
        return Fit(feeding)
    note = (
        f"Its input holds {held(tensor)}: with this preprocessing only {apart} of 256 pixel "
        "values stay apart."
    )
    if apart < _LEAST and not _symmetric(tensor, feeding):
        raise ModelError(note, "Choose the preprocessing the model was trained with.")
    return Fit(feeding, note=note)


def _symmetric(tensor: TensorSpec, feeding: Feeding) -> bool:
    """Returns whether an input holds −x to x, x the most it is fed: half its steps are not used."""
    bounds = np.iinfo(tensor.dtype)
    steps = float(np.abs(feeding.values()).max() / tensor.scale)
    return bounds.min < 0 and tensor.zero_point == 0 and abs(steps - bounds.max) < _SAME


def _bytes(tensor: TensorSpec, channels: int) -> Fit:
    """Feeds each pixel value as the integer it is: real values by the file's own scale."""
    lowest = int(np.iinfo(tensor.dtype).min)
    fed = {"scale": tensor.scale, "offset": tensor.scale * (lowest - tensor.zero_point)}
    note = (
        f"Its {tensor.dtype} input holds {held(tensor)}, not 0 to 255: it is fed "
        "each photo's bytes as they are."
    )
    return Fit(Feeding((fed["scale"],) * channels, (fed["offset"],) * channels), fed, note)
