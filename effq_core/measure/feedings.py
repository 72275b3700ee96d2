"""Feeding a ``.tflite`` file as if it had another preprocessing, without making it again."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.base.reporting import Reporter
from effq_core.measure.predictions import Ints
from effq_core.models.card import Normalisation
from effq_core.models.file_input import Feeding, read_feeding
from effq_core.models.own.card import Preprocessing
from effq_core.photos.decode import Pixels
from effq_core.photos.image_input import COLOUR, GREY
from effq_core.runtimes.model import ModelPool

_IDENTITY = Normalisation((1.0,) * 3, (0.0,) * 3)


@dataclass(frozen=True)
class OtherFeeding:
    """What a model is made to see of RGB 0–255, or of grey."""

    preprocessing: str  # one that is offered; empty where it is the one it has
    colours: str  # order of its colours, where it is another one, such as ``BGR``
    values: Normalisation  # what is done to each channel

    @property
    def facts(self) -> dict[str, Any]:
        """What :func:`fed` and :func:`remedy` take, as JSON values."""
        offered = self.values in _known(len(self.values.scale))
        return {"preprocessing": self.preprocessing, "colours": self.colours, "offered": offered}


def fed(feeding: Mapping[str, Any]) -> str:
    """Says how a model is fed, after "with", from :attr:`OtherFeeding.facts`."""
    parts = [f"preprocessing “{feeding['preprocessing']}”"] if feeding["preprocessing"] else []
    parts += [f"its colours in the order {feeding['colours']}"] if feeding["colours"] else []
    return " and ".join(parts)


def remedy(feeding: Mapping[str, Any]) -> str:
    """Says what to do about :attr:`OtherFeeding.facts`, as a sentence."""
    if feeding["offered"]:
        return "Add it again with this preprocessing."
    return "Put a layer in front of it that reverses the colours, and add it again."


def other_feedings(seen: Normalisation | None, channels: int = COLOUR) -> Iterator[OtherFeeding]:
    """Lists other preprocessing a model may have been trained with, in both orders of colours."""
    now, known = (seen or _IDENTITY).for_channels(channels), _known(channels)
    others = {values: words for values, words in known.items() if values != now}
    for values, name in others.items():
        yield OtherFeeding(name, "", values)
    if channels == GREY:
        return
    for values, name in {now: "", **others}.items():
        reversed_ = replace(values, order=values.order[::-1])
        colours = "".join("RGB"[each] for each in reversed_.order)
        yield OtherFeeding(name, colours, reversed_)


def _known(channels: int) -> dict[Normalisation, str]:
    known = {}
    for way in Preprocessing:  # raw and inside are the same numbers: the later name stays
        values = way.normalisation or _IDENTITY
        if channels == COLOUR or values.is_grey:
            known[values.for_channels(channels)] = way.value
    return known


class Refed:
    """A copy of a ``.tflite`` file, in a folder made if missing, fed one thing after another."""

    def __init__(
        self,
        path: Path,  # what lies beside it goes with it
        folder: Path,
        inside: Normalisation | None = None,  # what the graph itself does first
        ignored: int | None = None,  # output that is no answer
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for beside in (path, *path.parent.glob("*.json")):
            shutil.copyfile(beside, folder / beside.name)
        self._path, self._inside = folder / path.name, inside or _IDENTITY
        self._ignored = ignored
        self._softmax = (read_feeding(path) or Feeding()).softmax

    def answers(
        self, images: Pixels, feeding: OtherFeeding, reporter: Reporter | None = None
    ) -> Ints:
        """Returns top-1, int64 (n,), of uint8 (n, size, size, 1 or 3); -1: cannot be fed so."""
        inside, other = self._inside.for_channels(images.shape[-1]), feeding.values
        order, scale, offset = [*other.order], [*other.scale], [*other.offset]
        # What the file does to its channel k, which is channel c of what the layers see, is undone.
        for c, k in enumerate(inside.order[: len(scale)]):
            order[k] = other.order[c]
            scale[k] = other.scale[c] / inside.scale[c]
            offset[k] = (other.offset[c] - inside.offset[c]) / inside.scale[c]
        Feeding(scale, offset, tuple(order), self._softmax).write(self._path)
        try:
            pool = ModelPool(self._path)
        except ModelError:  # one way that does not fit is no answer, and no end of the others
            return np.full(len(images), -1, np.int64)
        found = pool.predict_many(images, reporter)
        if self._ignored is not None:
            found[:, self._ignored] = -np.inf
        best: Ints = found.argmax(axis=1)
        return best
