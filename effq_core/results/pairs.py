"""Any two variants of a run set against each other, photo by photo, from their stored answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE, Proportion, paired_difference, proportion
from effq_core.measure.predictions import Ints, Predictions, top1
from effq_core.measure.seeds import holm
from effq_core.measure.statistics import Comparison, compare, sentence
from effq_core.results.document import Results, class_names, output_names


class Change(StrEnum):
    """What became of an answer between two variants."""

    WORSE = "worse"  # the first was right, the second is wrong
    BETTER = "better"  # the first was wrong, the second is right
    STILL_WRONG = "still_wrong"  # both are wrong, each its own way
    CHANGED = "changed"  # the answers differ; without labels nobody knows which is right


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two variants on the same photos."""

    first: str  # name of the variant compared with
    second: str  # name of the variant compared
    comparison: Comparison  # what differs, and whether it can be chance; ``second`` minus ``first``
    sentence: str
    # ``comparison.p`` after Holm's correction for all pairs; ``None`` of one pair, or no labels.
    adjusted_p: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one variant said about one photo."""

    label: str  # name of the class
    confidence: float  # how probable it found it, 0–1


@dataclass(frozen=True, kw_only=True)
class ChangedPhoto:
    """A photo to which two variants give different answers."""

    row: int  # its place among the evaluation photos
    key: str  # its key in the dataset
    truth: str | None  # name of its true class; ``None`` without labels
    first: Answer
    second: Answer
    change: Change  # what became of it


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """What changed between two variants on the photos of one class."""

    label: int  # position among the dataset's classes
    name: str
    n: int  # photos
    first: Proportion  # share the first variant gets right
    second: Proportion  # share the second gets right
    worse: int  # photos only the first gets right
    better: int  # photos only the second gets right
    difference_points: float  # second minus first, percentage points
    low_points: float  # lower end of its 95 % interval
    high_points: float  # upper end


def compare_pair(results: Results, first: str, second: str) -> Pair:
    """Compares two variants of a run."""
    return _pair(
        results, first, second, compare(results.predictions(first), results.predictions(second))
    )


def compare_all(results: Results) -> tuple[Pair, ...]:
    """Compares every two variants of a run, also by p after Holm's correction (S. Holm, 1979)."""
    answers = {name: results.predictions(name) for name in results.variants}
    pairs = [
        _pair(results, f, s, compare(answers[f], answers[s])) for f, s in combinations(answers, 2)
    ]
    tested = [pair.comparison.p for pair in pairs if pair.comparison.p is not None]
    if len(tested) < len(pairs):  # no labels: nothing was tested
        return tuple(pairs)
    return tuple(replace(pair, adjusted_p=p) for pair, p in zip(pairs, holm(tested), strict=True))


def is_real(p: float | None) -> bool | None:
    """Returns whether a difference with this p is taken as more than chance; ``None`` untested."""
    return None if p is None else p < SIGNIFICANCE


def changed_photos(results: Results, first: str, second: str) -> tuple[ChangedPhoto, ...]:
    """Lists the photos two variants answer differently: worse, better, still wrong."""
    before, after = results.predictions(first), results.predictions(second)
    names = output_names(results)
    truth = after.truth
    found = [
        ChangedPhoto(
            row=row,
            key=after.keys[row],
            truth=None if truth is None else names[truth[row]],
            first=_answer(before, row, names),
            second=_answer(after, row, names),
            change=_change(truth, before, after, row),
        )
        for row in np.flatnonzero(before.predicted != after.predicted).tolist()
    ]
    order = list(Change)
    found.sort(key=lambda photo: (order.index(photo.change), -photo.second.confidence, photo.row))
    return tuple(found)


def class_changes(results: Results, first: str, second: str) -> tuple[ClassChange, ...]:
    """Compares two variants on each class with photos, largest loss first; none without labels."""
    before, after = results.predictions(first), results.predictions(second)
    right_before, right_after, labels = top1(before), top1(after), after.labels
    if right_before is None or right_after is None or labels is None:
        return ()
    names, rows = class_names(results), []
    for label in np.unique(labels):
        here = labels == label
        n = int(here.sum())
        worse = int((right_before & ~right_after & here).sum())
        better = int((~right_before & right_after & here).sum())
        low, high = paired_difference(worse, better, n)
        rows.append(
            ClassChange(
                label=int(label),
                name=names[label],
                n=n,
                first=proportion(int((right_before & here).sum()), n),
                second=proportion(int((right_after & here).sum()), n),
                worse=worse,
                better=better,
                difference_points=100 * (better - worse) / n,
                low_points=100 * low,
                high_points=100 * high,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.difference_points, -row.worse, row.label)))


def _pair(results: Results, first: str, second: str, comparison: Comparison) -> Pair:
    titles = results.variants[first].title, results.variants[second].title
    return Pair(
        first=first, second=second, comparison=comparison, sentence=sentence(comparison, *titles)
    )


def _answer(predictions: Predictions, row: int, names: Sequence[str]) -> Answer:
    best = int(predictions.probabilities[row].argmax())
    return Answer(label=names[best], confidence=float(predictions.probabilities[row, best]))


def _change(truth: Ints | None, before: Predictions, after: Predictions, row: int) -> Change:
    if truth is None:
        return Change.CHANGED
    if before.probabilities[row].argmax() == truth[row]:
        return Change.WORSE
    return Change.BETTER if after.probabilities[row].argmax() == truth[row] else Change.STILL_WRONG


def by_chance(classes: int) -> str:
    """Says how many of so many 95 % intervals lie off zero by chance, as ``about half a class``."""
    expected = SIGNIFICANCE * classes
    if expected < 0.25:
        return "hardly any class"
    if expected < 0.75:
        return "about half a class"
    return f"about {fmt.counted(round(expected), 'class', 'classes')}"
