"""The gate that no photo measured on looks like one the model was made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from effq_core.base.plain import Plain
from effq_core.measure.gates import Gate

_MOST_NAMED = 3
_FLATTERED = "Accuracy may be up to {points:.3g} points too high."
_FLATTERS = {
    "training": _FLATTERED,
    "head": _FLATTERED,
    "calibration": "Ranges fit these images, so the loss of int8 may be a little larger elsewhere.",
}
_REMEDY = (
    "Add the folder as own photos with look-alikes left out (--drop-lookalikes), and run on those."
)


@dataclass(frozen=True, kw_only=True)
class Comparison(Plain):
    """Images of evaluation, compared with another sample.

    Attributes:
        role: What the other sample is for: ``training``, ``head`` or ``calibration``.
        alike: Key of an evaluation image, key of the one it resembles, and their correlation.
        compared: Evaluation images compared.
        evaluation: Evaluation images there are.
        among: Images of the other sample they were compared with.
        others: Images of the other sample there are.
    """

    role: str
    alike: tuple[tuple[str, str, float], ...]
    compared: int
    evaluation: int
    among: int
    others: int


def lookalike_gate(found: Comparison) -> Gate:
    """Checks that no evaluation image looks like one the model was made with.

    Calibration and training images may look alike: nothing is measured on either.

    Returns:
        The gate; its value is the number of evaluation images that look like another one.
    """
    count, n = len(found.alike), found.compared
    parts = [f"{count:,} of {n:,} evaluation images look like one for {_for(found.role)}"]
    parts[0] += f": {_named(found.alike)}; none may." if count else "; none may."
    if count:
        parts += [_FLATTERS[found.role].format(points=100 * count / n), _REMEDY]
    if n < found.evaluation or found.among < found.others:
        parts.append(
            f"Compared were {n:,} of {found.evaluation:,} with {found.among:,} of"
            f" {found.others:,} images."
        )
    return Gate(
        name=f"{found.role}_evaluation_lookalikes",
        passed=not count,
        value=count,
        limit=0,
        n=n,
        detail=" ".join(parts),
    )


def _for(role: str) -> str:
    return "the head" if role == "head" else role


def _named(alike: Sequence[tuple[str, str, float]]) -> str:
    """Names a few pairs; in quotes, so that words for people leave the names alone."""
    named = ", ".join(f"“{key}” (“{like}”)" for key, like, _ in alike[:_MOST_NAMED])
    more = len(alike) - _MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named
