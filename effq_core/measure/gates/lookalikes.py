"""The gates that no photo measured on looks like one the model was made with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.plain import Plain
from effq_core.measure.gate import GATES, Gate, Measured, Rule, judged
from effq_core.store.manifest import LOOKALIKES_FILE

LOOKALIKES = "lookalikes"  # the input with all comparisons
_NAMED = 3
_FLATTERED = "Accuracy may be up to {points:.3g} points too high."
_FLATTERS = {
    "calibration": "Ranges fit these photos, so int8 may lose a little more on others.",
    "head": _FLATTERED,
    "training": _FLATTERED,
}
"""What look-alikes of each role do."""
_REMEDY = (
    "Add the folder as own photos with look-alikes left out (--drop-lookalikes), and run on those."
)


@dataclass(frozen=True, kw_only=True)
class Comparison(Plain):
    """Images of evaluation, compared with another sample."""

    role: str  # what the other sample is for: ``training``, ``head`` or ``calibration``
    alike: tuple[tuple[str, str, float], ...]  # an image's key, its look-alike's, correlation
    compared: int  # evaluation images compared
    evaluation: int  # evaluation images there are
    among: int  # images of the other sample they were compared with
    others: int  # images of the other sample there are


def lookalike_gate(found: Comparison) -> Gate:
    """Counts evaluation images that look like one the model was made with: there may be none."""
    count = len(found.alike)
    named = [[key, like] for key, like, _ in found.alike[:_NAMED]]
    facts: dict[str, Any] = {"role": found.role, "count": count, "named": named}
    facts |= {"compared": [found.compared, found.evaluation], "among": [found.among, found.others]}
    name, n = _name(found.role), found.compared
    return judged(name, passed=not count, value=count, limit=0, n=n, facts=facts)


def _check(role: str, measured: Measured) -> Gate | None:
    if LOOKALIKES not in measured.inputs:
        return None
    text = (measured.inputs[LOOKALIKES] / LOOKALIKES_FILE).read_text(encoding="utf-8")
    found = {each["role"]: each for each in json.loads(text)}
    return lookalike_gate(Comparison.from_dict(found[role])) if role in found else None


def _sentence(
    role: str, count: int, named: Any, compared: Sequence[int], among: Sequence[int]
) -> str:
    n, evaluation = compared
    verdict = f"{count:,} of {n:,} evaluation photos look like one for {_for(role)}"
    if count:
        pairs = [f"“{key}” (“{like}”)" for key, like in named]
        told = fmt.some(pairs, len(pairs), count)
        effect = _FLATTERS[role].format(points=100 * count / n)
        parts = [f"{verdict}: {told}.", effect, _REMEDY]
    else:
        parts = [f"{verdict}; none may."]
    if n < evaluation or among[0] < among[1]:
        parts.append(
            f"{n:,} of {evaluation:,} were compared with {among[0]:,} of {among[1]:,} photos."
        )
    return " ".join(parts)


def _for(role: str) -> str:
    return "the head" if role == "head" else role


def _name(role: str) -> str:
    return f"{role}_evaluation_lookalikes"


for _role in _FLATTERS:
    GATES.register(
        Rule(
            name=_name(_role),
            title=f"No evaluation photo looks like one for {_for(_role)}",
            purpose="A copy of a training photo is answered from memory, even if it was resized, "
            "cropped or brightened. Accuracy looks better than it is.",
            group="No evaluation photo has a look-alike the model was made with",
            sentence=_sentence,
            of_samples=partial(_check, _role),
        )
    )
