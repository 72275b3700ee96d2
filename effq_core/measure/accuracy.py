"""How often a variant is right, how sure it is, and what it confuses."""

from dataclasses import dataclass

import numpy as np

from effq_core.base.errors import StageError
from effq_core.base.intervals import Proportion, proportion
from effq_core.base.plain import Plain
from effq_core.measure.predictions import Bools, Floats, Ints, Predictions, top1, top5

CALIBRATION_BINS = 15  # as in Guo et al., "On Calibration of Modern Neural Networks", 2017


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """Accuracy on the images of one dataset class."""

    label: int
    n: int
    top1: Proportion


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """The images whose confidence lies in one bin: how sure the model was, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class AccuracyReport(Plain):
    """How often a variant is right. Everything but ``n`` is empty for images without labels."""

    n: int  # images
    top1: Proportion | None = None  # images whose most probable class is the true one
    top5: Proportion | None = None  # ``None`` also for five classes or fewer
    per_class: tuple[ClassScore, ...] = ()  # top-1 of each dataset class that has images
    calibration_error: float | None = None  # expected calibration error, 0–1 (15 equal bins)
    bins: tuple[CalibrationBin, ...] = ()  # those with images, for a reliability diagram
    # ``(true, predicted, images)``; ``dataset_classes`` stands for a class the dataset lacks.
    confusion: tuple[tuple[int, int, int], ...] = ()
    dataset_classes: int  # number of classes the dataset has

    def confusion_matrix(self) -> Ints:
        """Returns the counts as int64 (dataset classes, dataset classes + 1); last is "other"."""
        matrix = np.zeros((self.dataset_classes, self.dataset_classes + 1), np.int64)
        for true, predicted, count in self.confusion:
            matrix[true, predicted] = count
        return matrix


def score(predictions: Predictions) -> AccuracyReport:
    """Measures accuracies with Wilson 95 % intervals, or raises StageError without images."""
    if predictions.n == 0:
        raise StageError(
            "There is no evaluation image to score.", "Choose a dataset with readable images."
        )
    right, in_five, labels = top1(predictions), top5(predictions), predictions.labels
    if right is None or labels is None:
        return AccuracyReport(n=predictions.n, dataset_classes=predictions.dataset_classes)
    bins = calibration_bins(predictions.probabilities.max(axis=1), right)
    per_class = []
    for label in np.unique(labels):
        of_class = right[labels == label]
        share = proportion(int(of_class.sum()), of_class.size)
        per_class.append(ClassScore(label=int(label), n=of_class.size, top1=share))
    return AccuracyReport(
        n=predictions.n,
        top1=proportion(int(right.sum()), predictions.n),
        top5=None if in_five is None else proportion(int(in_five.sum()), predictions.n),
        per_class=tuple(per_class),
        calibration_error=sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / predictions.n,
        bins=bins,
        confusion=_confusion(predictions, labels),
        dataset_classes=predictions.dataset_classes,
    )


def calibration_bins(confidence: Floats, right: Bools) -> tuple[CalibrationBin, ...]:
    """Sorts images into 15 bins by its largest output, float (n,) (Guo et al. 2017)."""
    edges = np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, CALIBRATION_BINS - 1)
    bins = []
    for position in np.unique(index):
        inside = index == position
        low, high, n = float(edges[position]), float(edges[position + 1]), int(inside.sum())
        sure, share = float(confidence[inside].mean(dtype=np.float64)), float(right[inside].mean())
        bins.append(CalibrationBin(low=low, high=high, n=n, confidence=sure, accuracy=share))
    return tuple(bins)


def _confusion(predictions: Predictions, labels: Ints) -> tuple[tuple[int, int, int], ...]:
    other = predictions.dataset_classes
    predicted = predictions.predicted
    if predictions.class_map is not None:
        back = np.full(predictions.probabilities.shape[1], other, np.int64)
        back[predictions.class_map] = np.arange(other)
        predicted = back[predicted]
    pairs, counts = np.unique(np.stack([labels, predicted], 1), axis=0, return_counts=True)
    return tuple(
        (int(true), int(guess), int(count))
        for (true, guess), count in zip(pairs, counts, strict=True)
    )
