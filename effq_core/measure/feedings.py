"""OtherFeeding a ``.tflite`` file as if it had another preprocessing, without making it anew.

The preprocessing of EffQ's own files is inside their graph: ``own(x) = x * scale + offset`` a
channel. A float input may be any number, so what makes the layers behind it see ``other(x)`` is fed
``own⁻¹(other(x))``: again a factor and a summand a channel, which is what the file beside a
``.tflite`` file says (see :mod:`effq_core.measure.feeding`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effq_core.datasets.decode import Pixels
from effq_core.errors import ModelError
from effq_core.measure.feeding import write_feeding
from effq_core.measure.predictions import Ints
from effq_core.measure.runtime import ModelPool
from effq_core.models.catalogue import Normalisation
from effq_core.models.own.preprocessing import Preprocessing
from effq_core.reporting import Reporter

_IDENTITY = Normalisation((1.0,) * 3, (0.0,) * 3)
# Keras' “caffe” mode: BGR minus ImageNet's mean colour. The means in the order B, G, R.
_CAFFE = Normalisation((1.0,) * 3, (-103.939, -116.779, -123.68))


@dataclass(frozen=True)
class OtherFeeding:
    """What a model is made to see of RGB 0–255.

    Attributes:
        words: Such as ``preprocessing minus_one_one``.
        values: What is done to each channel.
        bgr: Whether blue comes first.
    """

    words: str
    values: Normalisation
    bgr: bool = False

    @property
    def remedy(self) -> str:
        """What to do about it, as a sentence."""
        if self.bgr:
            return "Put a layer in front of it that reverses the colours, and add it again."
        return "Add it again with this preprocessing."


def other_feedings(seen: Normalisation | None, channels: int = 3) -> Iterator[OtherFeeding]:
    """Lists what a model may have been trained with, where it was not this.

    Args:
        seen: What it is made to see now; ``None`` for RGB 0–255.
        channels: Of its input; a grey one has no order of colours.

    Yields:
        Every preprocessing EffQ knows, in both orders of the colours.
    """
    now, names = seen or _IDENTITY, {}
    for way in Preprocessing:  # raw and inside are the same numbers: the later name stays
        names[way.normalisation or _IDENTITY] = f"preprocessing {way.value}"
    for values, words in names.items():
        if values != now:
            yield OtherFeeding(words, values)
    if channels != 3:
        return
    yield OtherFeeding("preprocessing caffe (BGR minus the mean)", _CAFFE, bgr=True)
    yield OtherFeeding("its colours in the order BGR", now, bgr=True)
    for values, words in names.items():
        if values != now:
            yield OtherFeeding(f"{words} and its colours in the order BGR", values, bgr=True)


class Refed:
    """A copy of a ``.tflite`` file that is fed one thing after another.

    Args:
        path: The file; what lies beside it goes with it.
        folder: Where the copy may be; made if missing.
        inside: What the graph itself does first; ``None`` where it takes what it is fed.
    """

    def __init__(self, path: Path, folder: Path, inside: Normalisation | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for beside in (path, *path.parent.glob("*.json")):
            shutil.copyfile(beside, folder / beside.name)
        self._path, self._inside = folder / path.name, inside or _IDENTITY

    def answers(
        self, images: Pixels, feeding: OtherFeeding, reporter: Reporter | None = None
    ) -> Ints:
        """Asks the file.

        Args:
            images: Raw RGB, uint8 (n, size, size, 3), or with one grey channel.
            feeding: What its layers are to see.
            reporter: Told the progress; asked whether to stop.

        Returns:
            Its top-1 class of each, int64 (n,); -1 where its input cannot hold what it is fed.
        """
        channels = images.shape[-1]
        scale, offset = (
            np.array(values[:channels], np.float64)
            for values in (self._inside.scale, self._inside.offset)
        )
        write_feeding(
            self._path,
            list(np.array(feeding.values.scale[:channels]) / scale),
            list((np.array(feeding.values.offset[:channels]) - offset) / scale),
        )
        seen = np.ascontiguousarray(images[..., ::-1]) if feeding.bgr else images
        try:
            pool = ModelPool(self._path)
        except ModelError:  # one way that does not fit is no answer, and no end of the others
            return np.full(len(images), -1, np.int64)
        best: Ints = pool.predict_many(seen, reporter).argmax(axis=1)
        return best
