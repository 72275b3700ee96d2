"""From every file's answers to figures with intervals, by the product's own statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from effq_core.base.intervals import Proportion, proportion
from effq_core.measure.predictions import Predictions, top1
from effq_core.measure.statistics import Comparison, compare


@dataclass(frozen=True)
class Score:
    """How a file answers.

    Attributes:
        top1: Images it gets right, with the Wilson interval; ``None`` without labels.
        comparison: With the baseline on the same images; ``None`` for the baseline itself.
    """

    top1: Proportion | None
    comparison: Comparison | None

    def to_dict(self) -> dict[str, Any]:
        """Returns the score as plain JSON values."""
        return {
            "top1": None if self.top1 is None else vars(self.top1),
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Score:
        """Rebuilds a score from :meth:`to_dict`."""
        top, comparison = plain["top1"], plain["comparison"]
        return cls(
            None if top is None else Proportion(**top),
            None if comparison is None else Comparison.from_dict(comparison),
        )


def score(
    answers: dict[str, Any],
    baseline: str,
    *,
    keys: list[str],
    labels: Any,
    class_map: tuple[int, ...],
) -> dict[str, Score]:
    """Scores every file against the baseline.

    Args:
        answers: Probabilities of each file, float32 ``(n, classes)``, by its name.
        baseline: Which of them is float32 as EffQ runs it.
        keys: Which image each row is.
        labels: Class of each image as the dataset counts, int64 ``(n,)``; ``None`` without labels.
        class_map: Model class of each dataset class; empty where they are the same.

    Returns:
        A score for each name.

    Raises:
        StageError: If the answers are not of these images and classes.
    """
    mapped = np.asarray(class_map, np.int64) if class_map and labels is not None else None
    predictions = {
        name: Predictions(probabilities=values, labels=labels, class_map=mapped, keys=keys)
        for name, values in answers.items()
    }
    return {
        name: Score(_top1(each), None if name == baseline else compare(predictions[baseline], each))
        for name, each in predictions.items()
    }


def _top1(predictions: Predictions) -> Proportion | None:
    right = top1(predictions)
    return None if right is None else proportion(int(right.sum()), predictions.n)
