"""Does a file answer as a form of the float32 model would? A loss, however large, may be.

With labels: were the two unrelated within each class, photos right in both would be hypergeometric,
and W. Hoeffding's bound ("Probability inequalities for sums of bounded random variables", JASA 58,
1963, theorems 1 and 4) says how few they can be but once in 10,000 files. Without: agreement fails
where it is surely less than a tenth of what is possible beyond chance. Either way a re-ordering of
the outputs that surely brings agreement back is a failure, named.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from effq_core.base.errors import StageError
from effq_core.base.intervals import DOUBT
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.measure.predictions import Ints, Predictions
from effq_core.measure.reordering import RELATED, agreeing, chance_agreement, find_reordering

NAME = "agreement_with_float32"


def float32_gate(baseline: Predictions, other: Predictions, names: Sequence[str]) -> Gate:
    """Checks that a file agrees with float32; its limit is the least plausible share."""
    if baseline.probabilities.shape != other.probabilities.shape or not baseline.n:
        raise StageError(
            f"The gate {NAME!r} cannot compare answers of shapes "
            f"{baseline.probabilities.shape} and {other.probabilities.shape}."
        )
    wanted, found, n = baseline.predicted, other.predicted, baseline.n
    truth = baseline.truth
    same = int((wanted == found).sum())
    least = _of_strangers(wanted, found) if truth is None else _of_losses(wanted, found, truth)
    order = find_reordering(wanted, found, names)
    facts = {"same": same, "n": n, "least": least, "order": order.facts(names) if order else None}
    passed = same >= least and order is None
    return judged(NAME, passed=passed, value=same / n, limit=least / n, n=n, facts=facts)


def least_plausible(draws: int, share: float) -> int:
    """Finds how few hits of ``draws`` of mean probability ``share`` are plausible (1 in 10,000)."""
    if draws <= 0 or share <= 0:
        return 0
    counts = np.arange(math.floor(draws * share) + 1)
    x = counts / draws
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 · log 0 is 0
        hits = np.where(x > 0, x * np.log(x / share), 0.0)
        misses = np.where(x < 1, (1 - x) * np.log((1 - x) / (1 - share)), 0.0)
    plausible = draws * (hits + misses) <= -math.log(DOUBT)
    return int(counts[plausible][0]) if plausible.any() else int(counts[-1])


def _of_losses(wanted: Ints, found: Ints, truth: Ints) -> int:
    classes = 1 + int(truth.max())
    n, a, b = (
        np.bincount(truth[chosen], minlength=classes)
        for chosen in (np.full(len(truth), True), wanted == truth, found == truth)
    )
    draws = int(np.minimum(a, b).sum())
    expected = float((a * b / np.maximum(n, 1)).sum())
    # Where both are right on most photos of a class, some must be the same ones.
    certain = int(np.maximum(0, a + b - n).sum())
    return max(certain, least_plausible(draws, min(1.0, expected / draws) if draws else 0.0))


def _of_strangers(wanted: Ints, found: Ints) -> int:
    chance = chance_agreement(wanted, found)
    return least_plausible(len(wanted), chance + RELATED * (1 - chance))


def _check(evidence: Evidence) -> Gate | None:
    name = evidence.variant.name
    if name == BASELINE:
        return None
    return float32_gate(evidence.answers(BASELINE), evidence.answers(name), evidence.labels())


def _sentence(same: int, n: int, least: int, order: Mapping[str, Any] | None) -> str:
    found = f"{same:,} of {n:,} photos get float32's top-1 class"
    if order is not None:
        return f"Outputs look re-ordered: {agreeing(order, 'agree')}. As they are, {found}."
    doubt = " Is it a form of this model, with its outputs in the order of the labels?"
    return f"{found}; at least {least:,} must.{doubt if same < least else ''}"


GATES.register(
    Rule(
        name=NAME,
        title="Agrees with float32 as its accuracy allows",
        purpose="Outputs in another order, or another model's file, would otherwise be mistaken "
        "for a quantization loss. A real loss, however large, passes: accuracy shows it.",
        sentence=_sentence,
        of_file=_check,
    )
)
