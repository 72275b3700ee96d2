"""Does a file answer as a form of the float32 model would?

Every variant is made from float32, or brought as a form of it, so it must be right where float32 is
right more often than a stranger would be. How much it may lose is no question for a gate: a
min-max int8 that collapses to chance has lost everything and is reported so, by its accuracy. The
gate asks whether a *loss* explains what is seen:

- **With labels.** Let float32 be right on ``a`` and the file on ``b`` of the ``n`` photos of a
  class. Were the two unrelated, ``a * b / n`` photos would be right in both; a form of the same
  model has more. The photos right in both of an unrelated file are hypergeometric in each class,
  and W. Hoeffding's bound ("Probability inequalities for sums of bounded random variables", JASA
  58, 1963, theorems 1 and 4: drawn without replacement) says how few they can be but once in
  10,000 files. Fewer equal answers than that is a failure: the file's right answers lie where
  float32's do not, as with outputs in another order. Class by class, because a file that always
  answers one class is unrelated to float32 within each class, and merely bad.
- **Without labels** there is no accuracy to explain a loss, and agreement is all that vouches for
  a file. It fails where that is surely (the same bound) less than a tenth of the agreement possible
  beyond chance: then its answers have nothing to do with float32's.
- **Either way** a re-ordering of the outputs that surely brings agreement back is a failure, named:
  see :mod:`effq_core.measure.reordering`.

All three are bounds, so few photos fail nothing: 8 of them cannot tell, whatever they answer.
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
    """Checks that a file's answers agree with float32's as far as their accuracies make likely.

    Its value is the share of equal answers, its limit the least plausible one. The bound is W.
    Hoeffding's (JASA 58, 1963, theorems 1 and 4), exceeded once in 10,000 unrelated files.
    """
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
