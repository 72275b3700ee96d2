"""The gates that no photo serves two purposes: one for each pair of samples."""

from functools import partial
from itertools import combinations

from effq_core.measure.gate import GATES, Gate, Measured, Rule, judged
from effq_core.photos.pixels import read_pixels

ROLES = ("calibration", "training", "evaluation")


def _check(first: str, second: str, measured: Measured) -> Gate | None:
    if not {first, second} <= measured.inputs.keys():
        return None
    a, b = (
        {item.sha256 for item in read_pixels(measured.inputs[role])[1]} for role in (first, second)
    )
    shared = len(a & b)
    name = f"{first}_{second}_disjoint"
    facts = {"first": first, "second": second, "shared": shared, "n": len(b)}
    return judged(name, passed=not shared, value=shared, limit=0, n=len(b), facts=facts)


def _sentence(first: str, second: str, shared: int, n: int) -> str:
    return f"{shared:,} of {n:,} {second} photos are also {first} photos; none may be."


for _first, _second in combinations(ROLES, 2):
    GATES.register(
        Rule(
            name=f"{_first}_{_second}_disjoint",
            title=f"No photo is used for both {_first} and {_second}",
            purpose="A model that is judged on photos it was made with looks better than it is.",
            group="No photo serves two purposes",
            sentence=_sentence,
            of_samples=partial(_check, _first, _second),
        )
    )
