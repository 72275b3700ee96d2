"""Does a model answer what its photos' labels say, and if not, which usual cause fits?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.intervals import DOUBT, mcnemar, wilson
from effq_core.base.reporting import Reporter
from effq_core.experiment.variants import BASELINE, is_ready
from effq_core.measure.feedings import OtherFeeding, Refed, fed, other_feedings, remedy
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.measure.predictions import Ints, Predictions
from effq_core.measure.reordering import RELATED, agreeing, chance_agreement, find_reordering
from effq_core.models.card import Normalisation
from effq_core.models.file_input import read_feeding
from effq_core.photos.decode import Pixels
from effq_core.photos.pixels import read_pixels
from effq_core.runtimes.registry import model_in

NAME = "answers_fit_labels"
SCREENED = 48  # photos every way of feeding is tried on
JUDGED = 200  # photos the best of them is judged by


@dataclass(frozen=True)
class Subject:
    """A file, and what is needed to feed it otherwise."""

    title: str  # name of the variant for people
    path: Path
    images: Pixels  # the evaluation images it answered, in their order
    folder: Path  # where a copy of it may be
    inside: Normalisation | None = None  # preprocessing in its graph, if known
    outside: Normalisation | None = None  # what it is fed of RGB 0–255, where that is another thing


def labels_gate(
    predictions: Predictions,
    subject: Subject,
    names: Sequence[str],
    reporter: Reporter | None = None,
) -> Gate | None:
    """Checks that a model's answers have to do with the labels, else tries the usual causes.

    Its value is the share that is right, its limit chance; ``None`` without labels. ``subject`` is
    run again only where it is no better; a cause must win by McNemar's test.
    """
    truth = predictions.truth
    if truth is None or not predictions.n:
        return None
    n, found = predictions.n, predictions.predicted
    right, chance = int((found == truth).sum()), chance_agreement(found, truth)
    at_chance = is_chance(right, n, chance)
    useless = at_chance and wilson(right, n)[1] < chance + RELATED * (1 - chance)
    order = find_reordering(truth, found, names)
    better = None
    if at_chance and order is None:
        better = _better_feeding(truth, predictions, subject, reporter)
    facts: dict[str, Any] = {"title": subject.title, "right": right, "n": n, "at_chance": at_chance}
    said = order.facts(names) if order else None
    facts |= {"useless": useless, "order": said, "feeding": better.facts if better else None}
    passed = order is None and better is None and not useless
    return judged(NAME, passed=passed, value=right / n, limit=chance, n=n, facts=facts)


def is_chance(right: int, n: int, chance: float) -> bool:
    """Returns whether answers are not shown to be better than unrelated ones (``chance``)."""
    return wilson(right, n)[0] <= chance


@dataclass(frozen=True)
class _Better:
    feeding: OtherFeeding
    right: int
    n: int

    @property
    def facts(self) -> dict[str, Any]:
        return {**self.feeding.facts, "right": self.right, "n": self.n}


def _better_feeding(
    truth: Ints, now: Predictions, subject: Subject, reporter: Reporter | None
) -> _Better | None:
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


def _check(evidence: Evidence) -> Gate | None:
    """Sets float32's and brought files' answers against the labels."""
    name, context = evidence.variant.name, evidence.context
    if name != BASELINE and not is_ready(name):
        return None
    pixels = context.inputs.get(f"evaluation:{name}", context.inputs["evaluation"])
    path = model_in(context.inputs[f"file:{name}"])
    # An added file does nothing first, and is fed what is written beside it.
    own, given = is_ready(name), read_feeding(path)
    subject = Subject(
        title=evidence.variant.title,
        path=path,
        images=read_pixels(pixels)[0],
        folder=context.scratch / name,
        inside=None if own else Normalisation.from_plain(context.params["normalisation"]),
        outside=given.normalisation if given else None,
    )
    return labels_gate(evidence.answers(name), subject, evidence.labels(), context)


def _sentence(
    title: str,
    right: int,
    n: int,
    at_chance: bool,
    useless: bool,
    order: Mapping[str, Any] | None,
    feeding: Mapping[str, Any] | None,
) -> str:
    verdict = f"{fmt.percent(right / n)} of {n:,} photos are right"
    cause = ""
    if order is not None:
        cause = (
            f"Labels look re-ordered: {agreeing(order, 'are right')}. Add it again with its labels "
            "in the order of its outputs."
        )
    elif feeding is not None:
        share = fmt.percent(feeding["right"] / feeding["n"], 0)
        cause = (
            f"With {fed(feeding)} it would be right on {share} of {fmt.count(feeding['n'])}. "
            f"{remedy(feeding)}"
        )
    if not at_chance:
        return f"{cause} As it is, {verdict}." if cause else f"{verdict}, more than by chance."
    if not cause and not useless:
        return f"{verdict}: too few photos to tell {title} from chance."
    none = (
        "No usual cause fits: other preprocessings, BGR colours and re-ordered labels were tried. "
        "Is it trained, and for these classes?"
    )
    return f"{title} is no better than chance on these photos: {verdict}. {cause or none}"


GATES.register(
    Rule(
        name=NAME,
        title="Answers fit the photos' labels",
        purpose="A model with other preprocessing than in training, or labels in another order, "
        "answers at random. Nothing measured on it means anything.",
        sentence=_sentence,
        of_file=_check,
    )
)
