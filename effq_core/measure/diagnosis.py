"""Does a model answer what its photos' labels say, and if not, which usual cause fits?

A model is no better than chance where the lower end of its Wilson interval does not exceed what
unrelated answers, each as frequent, would get right. What is usually wrong then is cheap to try:
the labels in another order (nothing has to be run), another preprocessing, colours in the order
BGR. A few photos screen them all and more of them judge the best, so that none is chosen by luck:
it must do better than the model as it is by the exact McNemar test, once in 10,000 times by chance,
and better than chance itself.

The gate fails where a cause is found, and where the model is surely useless: even the upper end of
its interval is less than a tenth of what is possible beyond chance. Too few photos fail nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.intervals import DOUBT, mcnemar, wilson
from effq_core.base.reporting import Reporter
from effq_core.measure.agreement_gate import RELATED
from effq_core.measure.feedings import OtherFeeding, Refed, other_feedings
from effq_core.measure.gate_wording import LABELS_GATE
from effq_core.measure.gates import Gate
from effq_core.measure.predictions import Ints, Predictions
from effq_core.measure.reordering import Reordering, chance_agreement, find_reordering
from effq_core.models.card import Normalisation
from effq_core.photos.decode import Pixels

SCREENED = 48
"""Photos every way of feeding is tried on."""
JUDGED = 200
"""Photos the best of them is judged by."""


@dataclass(frozen=True)
class Subject:
    """A file, and what is needed to feed it otherwise."""

    title: str  # name of the variant for people
    path: Path
    images: Pixels  # the evaluation images it answered, in their order
    folder: Path  # where a copy of it may be
    # Preprocessing in its graph, where it is known to be a step of its own.
    inside: Normalisation | None = None
    outside: Normalisation | None = None  # what it is fed of RGB 0–255, where that is another thing


def labels_gate(
    predictions: Predictions,
    subject: Subject,
    names: Sequence[str],
    reporter: Reporter | None = None,
) -> Gate | None:
    """Checks that a model's answers have to do with the photos' labels, and says why they have not.

    Args:
        subject: The file they came from; run again only where it is no better than chance.

    Returns:
        The gate; its value is the share that is right, its limit what unrelated answers
        would get right. ``None`` without labels.

    Raises:
        Cancelled: If the reporter says so.
    """
    truth = predictions.truth
    if truth is None or not predictions.n:
        return None
    n, found = predictions.n, predictions.predicted
    right, chance = int((found == truth).sum()), chance_agreement(found, truth)
    at_chance = is_chance(right, n, chance)
    useless = at_chance and wilson(right, n)[1] < chance + RELATED * (1 - chance)
    order = find_reordering(truth, found, names)
    fed = (
        _better_feeding(truth, predictions, subject, reporter) if at_chance and not order else None
    )
    verdict = f"{fmt.percent(right / n)} of {n:,} photos are right"
    return Gate(
        name=LABELS_GATE,
        passed=order is None and fed is None and not useless,
        value=right / n,
        limit=chance,
        n=n,
        detail=_told(subject, verdict, at_chance, useless, _cause(order, fed, names)),
    )


def is_chance(right: int, n: int, chance: float) -> bool:
    """Returns whether answers are not shown to be better than unrelated ones (``chance``)."""
    return wilson(right, n)[0] <= chance


@dataclass(frozen=True)
class _Better:
    feeding: OtherFeeding
    right: int
    n: int


def _better_feeding(
    truth: Ints, now: Predictions, subject: Subject, reporter: Reporter | None
) -> _Better | None:
    """Returns the way of feeding that makes the model right, if one does."""
    few, more = _spread(len(truth), SCREENED), _spread(len(truth), JUDGED)
    file = Refed(subject.path, subject.folder, subject.inside, now.ignored)
    ways = list(other_feedings(subject.outside or subject.inside, subject.images.shape[-1]))
    asked = _chosen(subject.images, few)
    hits = [(file.answers(asked, way, reporter) == truth[few]).sum() for way in ways]
    best = ways[int(np.argmax(hits))]
    answers = file.answers(_chosen(subject.images, more), best, reporter)
    was, then = now.predicted[more] == truth[more], answers == truth[more]
    worse, better = int((was & ~then).sum()), int((then & ~was).sum())
    right = int(then.sum())
    if better <= worse or mcnemar(worse, better) >= DOUBT:
        return None
    if is_chance(right, len(more), chance_agreement(answers, truth[more])):
        return None
    return _Better(best, right, len(more))


def _chosen(images: Pixels, which: Ints) -> Pixels:
    return np.stack([np.asarray(images[i]) for i in which])  # of a memory map, only these


def _spread(n: int, most: int) -> Ints:
    """Returns up to so many of ``n`` images, evenly: photos often come sorted by class."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _cause(order: Reordering | None, fed: _Better | None, names: Sequence[str]) -> str:
    if order is not None:
        return (
            f"The labels look re-ordered: {order.words(names)} it would be right on "
            f"{fmt.percent(order.after / order.n, 0)}. Add it again with its labels in the order "
            "of its outputs."
        )
    if fed is not None:
        return (
            f"With {fed.feeding.words} it would be right on {fmt.percent(fed.right / fed.n, 0)} of "
            f"{fmt.count(fed.n)}. {fed.feeding.remedy}"
        )
    return ""


def _told(subject: Subject, verdict: str, at_chance: bool, useless: bool, cause: str) -> str:
    if not at_chance:
        return f"{cause} As it is, {verdict}." if cause else f"{verdict}, more than by chance."
    if cause or useless:
        causes = cause or (
            "No usual cause fits: other preprocessings, BGR colours and re-ordered labels were "
            "tried. Is it trained, and for these classes?"
        )
        return f"{subject.title} is no better than chance on these photos: {verdict}. {causes}"
    return f"{verdict}: too few photos to tell {subject.title} from chance."
