"""The gate that a QAT file consists of the operators of the file without QAT."""

from collections import Counter
from collections.abc import Mapping

from effq_core.base import formatting as fmt
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.file_report import FileReport

NAME = "same_operators"
_NAMED = 3


def same_operators_gate(other: FileReport, own: FileReport) -> Gate:
    """Checks that a file has the operators of another; counts those only one of them has."""
    a, b = Counter(other.ops), Counter(own.ops)
    missing, extra = a - b, b - a
    different = missing.total() + extra.total()
    n, facts = (
        max(a.total(), b.total()),
        {"operators": b.total(), "missing": missing, "extra": extra},
    )
    return judged(NAME, passed=different == 0, value=different, limit=0, n=n, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    own, other = evidence.variant, evidence.variant.operators_of
    if not other or f"inspect:{other}" not in evidence.context.inputs:
        return None
    return same_operators_gate(evidence.file(other), evidence.file(own.name))


def _sentence(operators: int, missing: Mapping[str, int], extra: Mapping[str, int]) -> str:
    if not missing and not extra:
        return f"Same {fmt.counted(operators, 'operator')}."
    parts = [f"{count} {kind} more" for kind, count in sorted(extra.items())]
    parts += [f"{count} {kind} fewer" for kind, count in sorted(missing.items())]
    return f"Operators differ: {fmt.some(parts, _NAMED)}."


GATES.register(
    Rule(
        name=NAME,
        title="The same operators as without QAT",
        purpose="Files of different operators differ in speed for another reason than their "
        "numbers.",
        sentence=_sentence,
        of_file=_check,
    )
)
