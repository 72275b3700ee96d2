"""What a variant answered to every evaluation image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.base.files import reading

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
_FILE = "predictions.npz"


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one variant answered to every image; raises StageError if the parts do not fit."""

    probabilities: Floats  # outputs, float32 (n, classes of the model)
    labels: Ints | None  # as the *dataset* counts them, int64 (n,), if there are any
    class_map: Ints | None  # model class of each dataset class, int64; ``None``: the same
    keys: list[str]  # which image each row is, the same for every variant
    ignored: int | None = None  # output that is no answer, such as "background": set to zero

    def __post_init__(self) -> None:
        probabilities = np.asarray(self.probabilities, np.float32)
        if probabilities.ndim != 2 or len(self.keys) != len(probabilities):
            raise StageError(
                f"{len(self.keys)} images do not fit predictions of shape {probabilities.shape}."
            )
        object.__setattr__(self, "probabilities", self.counted(probabilities))
        if self.class_map is not None:
            object.__setattr__(self, "class_map", np.asarray(self.class_map, np.int64))
        if self.labels is not None:
            labels = np.asarray(self.labels, np.int64)
            if labels.shape != (len(self.keys),) or (
                labels.size and not 0 <= labels.min() <= labels.max() < self.dataset_classes
            ):
                raise StageError(
                    f"Labels of shape {labels.shape} do not fit {len(self.keys)} images of "
                    f"{self.dataset_classes} classes."
                )
            object.__setattr__(self, "labels", labels)

    def counted(self, probabilities: Floats) -> Floats:
        """Returns outputs of the same model with the ignored one at zero."""
        if self.ignored is None:
            return probabilities
        kept = probabilities.copy()
        kept[:, self.ignored] = 0
        return kept

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.keys)

    @property
    def dataset_classes(self) -> int:
        """Number of classes the dataset has."""
        return self.probabilities.shape[1] if self.class_map is None else len(self.class_map)

    @property
    def predicted(self) -> Ints:
        """Most probable model class of each image, int64 (n,); the first of equals."""
        best: Ints = np.argmax(self.probabilities, axis=1)
        return best

    @property
    def truth(self) -> Ints | None:
        """True *model* class of each image, int64 (n,); ``None`` without labels."""
        if self.labels is None or self.class_map is None:
            return self.labels
        mapped: Ints = self.class_map[self.labels]
        return mapped

    def save(self, directory: Path) -> Path:
        """Writes the predictions into a directory, made if missing, and returns the file."""
        directory.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, npt.NDArray[Any]] = {
            "probabilities": self.probabilities,
            "keys": np.asarray(self.keys, dtype=np.str_),
        }
        for name in ("labels", "class_map"):
            value = getattr(self, name)
            if value is not None:
                arrays[name] = value
        if self.ignored is not None:
            arrays["ignored"] = np.array(self.ignored)
        path = directory / _FILE
        with path.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        return path

    @classmethod
    def load(cls, directory: Path) -> Predictions:
        """Reads what :meth:`save` wrote. Raises StoreError if they are missing or corrupt."""
        path = directory / _FILE
        with reading("The predictions", path):
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return cls(
                probabilities=arrays["probabilities"],
                labels=arrays.get("labels"),
                class_map=arrays.get("class_map"),
                keys=[str(key) for key in arrays["keys"]],
                ignored=int(arrays["ignored"]) if "ignored" in arrays else None,
            )


def top1(predictions: Predictions) -> Bools | None:
    """Tells which images are right, of the whole head: bool (n,); ``None`` without labels."""
    truth = predictions.truth
    return None if truth is None else predictions.predicted == truth


def top5(predictions: Predictions) -> Bools | None:
    """Tells for which images, bool (n,), at most five classes are as probable as the true one.

    Ties must not be ranked by index: integer outputs have many. An image right at top-1 is right at
    top-5. ``None`` without labels or with five classes or fewer.
    """
    truth = predictions.truth
    if truth is None or predictions.probabilities.shape[1] <= 5:
        return None
    own = np.take_along_axis(predictions.probabilities, truth[:, np.newaxis], axis=1)
    ahead = (predictions.probabilities >= own).sum(axis=1)
    found: Bools = (ahead <= 5) | (predictions.predicted == truth)
    return found
