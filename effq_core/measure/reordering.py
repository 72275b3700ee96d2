"""Are outputs in another order than their labels? An assignment problem (H. W. Kuhn, 1955)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.intervals import DOUBT, mcnemar
from effq_core.measure.predictions import Ints

RELATED = 0.1  # least share of agreement beyond chance that makes a file a form
KAPPA = 0.5  # least agreement beyond chance of answers that are read in the right order
_FOLDS = 5
_MOST = 4_000_000  # pairs of classes up to which every order is looked through: a second, and 32 MB
_NAMED = 2  # swaps or moves that are named; the others are counted

ORDERS = {
    "before": "when reading each output as the class before it",
    "after": "when reading each output as the class after it",
    "alphabetical": "with the labels in alphabetical order",
    "digits": "with the labels in the order 0, 1, 10, 11, 2 …",
}
"""Orders outputs are usually in where it is not that of the labels, as the end of a sentence."""


@dataclass(frozen=True)
class Reordering:
    """An order of outputs that fits better than the given one."""

    meaning: Ints  # class each output stands for, int64 (classes,)
    before: int  # photos that agree as they are
    after: int  # photos that agree in this order, judged by photos it was not found with
    n: int  # photos
    rule: str = ""  # the usual order it is, of :data:`ORDERS`; empty where it is none

    def facts(self, names: Sequence[str]) -> dict[str, Any]:
        """Says what to read as what, as JSON values for :func:`agreeing`."""
        found: dict[str, Any] = {"after": self.after, "n": self.n, "rule": self.rule}
        if self.rule:
            return found
        moved = [j for j in range(len(self.meaning)) if self.meaning[j] != j]
        swaps = [j for j in moved if j < self.meaning[j] and self.meaning[self.meaning[j]] == j]
        swapped = 2 * len(swaps) == len(moved)
        pairs = [[names[j], names[self.meaning[j]]] for j in (swaps if swapped else moved)]
        return found | {"swapped": swapped, "pairs": pairs[:_NAMED], "count": len(pairs)}


def agreeing(order: Mapping[str, Any], verb: str) -> str:
    """Says ``100 % agree after swapping “cat” and “dog”``, from :meth:`Reordering.facts`."""
    share = fmt.percent(order["after"] / order["n"], 0)
    if order["rule"]:
        return f"{share} {verb} {ORDERS[order['rule']]}"
    join, way, noun = (
        ("and", "after swapping", ("pair", "pairs"))
        if order["swapped"]
        else ("as", "when reading", ("class", "classes"))
    )
    told = [f"“{a}” {join} “{b}”" for a, b in order["pairs"]]
    return f"{share} {verb} {way} {fmt.some(told, _NAMED, order['count'], *noun)}"


def find_reordering(wanted: Ints, found: Ints, names: Sequence[str]) -> Reordering | None:
    """Looks for an order of the outputs that brings agreement back, judged on held-out folds.

    Takes each photo's wanted class and the one found, int64 (n,), and the outputs' names. ``None``
    where no order is surely better: by McNemar's test and a kappa of one half.
    """
    before = wanted == found
    if mcnemar(0, int((~before).sum())) >= DOUBT:
        return None  # not even if every other photo came right
    # Among a handful of classes, which is which says more than the name of an order.
    usual = usual_orders(names) if len(names) > 2 * _NAMED else ()
    candidates = [(meaning[found], meaning, rule) for rule, meaning in usual]
    if len(np.unique(wanted)) * len(np.unique(found)) <= _MOST:
        whole = _assigned(wanted, found, len(names))
        candidates.append((_held_out(wanted, found, len(names)), whole, ""))
    best: Reordering | None = None
    for read, meaning, rule in candidates:
        after = wanted == read
        better, worse = int((after & ~before).sum()), int((before & ~after).sum())
        if better <= worse or mcnemar(worse, better) >= DOUBT or kappa(wanted, read) < KAPPA:
            continue
        if best is None or after.sum() > best.after:
            best = Reordering(meaning, int(before.sum()), int(after.sum()), len(wanted), rule)
    return best


def kappa(a: Ints, b: Ints) -> float:
    """Computes Cohen's kappa (1960) of int64 (n,): 1 equal, 0 unrelated or all equal by chance."""
    chance = chance_agreement(a, b)
    return 0.0 if chance >= 1 else float(((a == b).mean() - chance) / (1 - chance))


def chance_agreement(a: Ints, b: Ints) -> float:
    """Returns the share of equal answers that unrelated ones, each as frequent, would have."""
    most = 1 + int(max(a.max(), b.max()))
    share = np.bincount(a, minlength=most) / len(a)
    return float(share @ np.bincount(b, minlength=most)) / len(b)


def usual_orders(names: Sequence[str]) -> Iterator[tuple[str, Ints]]:
    """Lists usual orders of outputs, of :data:`ORDERS`, and the class each output stands for."""
    n = len(names)
    steps = np.arange(n)
    yield "before", (steps - 1) % n
    yield "after", (steps + 1) % n
    yield "alphabetical", np.array(sorted(range(n), key=lambda i: names[i].casefold()))
    yield "digits", np.array(sorted(range(n), key=str))


def _held_out(wanted: Ints, found: Ints, classes: int) -> Ints:
    # Drawn, because photos come sorted by class or take turns: a fold must not be all of a class.
    fold = np.random.default_rng(0).permutation(len(wanted)) % _FOLDS
    read = np.empty_like(found)
    for number in range(_FOLDS):
        inside = fold == number
        read[inside] = _assigned(wanted[~inside], found[~inside], classes)[found[inside]]
    return read


def _assigned(wanted: Ints, found: Ints, classes: int) -> Ints:
    """Returns the class each output stands for, by most agreement; its own where none shows."""
    from scipy.optimize import linear_sum_assignment  # most of a second, and seldom needed

    rows, row = np.unique(wanted, return_inverse=True)
    columns, column = np.unique(found, return_inverse=True)
    counts = np.zeros((len(rows), len(columns)))
    np.add.at(counts, (row, column), 1.0)
    # Half a photo in favour of the order as it is: a tie moves nothing.
    chosen = linear_sum_assignment(counts + 0.5 * (rows[:, np.newaxis] == columns), maximize=True)
    stays = np.bincount(found[wanted == found], minlength=classes)
    own = np.bincount(wanted, minlength=classes)
    meaning: Ints = np.arange(classes, dtype=np.int64)
    for i, j in zip(*chosen, strict=True):
        output = columns[j]
        if counts[i, j] > stays[output] and 2 * stays[output] <= own[output]:
            meaning[output] = rows[i]
    return meaning
