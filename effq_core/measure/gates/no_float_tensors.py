"""The gate that a file is integer throughout."""

from collections.abc import Sequence

from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.file_report import FileReport

NAME = "no_float_tensors"
_NAMED = 3


def no_float_gate(report: FileReport) -> Gate:
    """Checks that a file is integer throughout; counts its float tensors."""
    found, tensors = report.has_float_tensors, sum(report.tensor_dtypes.values())
    facts = {"floats": len(found), "tensors": tensors, "named": list(found[:_NAMED])}
    return judged(NAME, passed=not found, value=len(found), limit=0, n=tensors, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    variant = evidence.variant
    return no_float_gate(evidence.file(variant.name)) if variant.is_integer else None


def _sentence(floats: int, tensors: int, named: Sequence[str]) -> str:
    told = ", ".join(f"“{name}”" for name in named)
    which = f": {told}{' …' if floats > len(named) else ''}" if named else ""
    return f"{floats} of {tensors} tensors are floats{which}; none may be."


GATES.register(
    Rule(
        name=NAME,
        title="Integer throughout",
        purpose="A single float tensor keeps the file from integer-only chips, and slows it down.",
        sentence=_sentence,
        of_file=_check,
    )
)
