"""The gate that a file with weights of few bits runs on XNNPACK as a whole."""

from __future__ import annotations

from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.file_report import FileReport

NAME = "one_partition"


def one_partition_gate(report: FileReport) -> Gate:
    """Checks that the fast kernels take all operators, in one piece.

    Returns:
        The gate; its value is the number of pieces.
    """
    facts = {
        "pieces": report.partitions,
        "outside": report.main_ops - report.delegated_ops,
        "operators": report.main_ops,
    }
    return judged(
        NAME,
        passed=report.partitions == 1 and not facts["outside"],
        value=report.partitions,
        limit=1,
        n=report.main_ops,
        facts=facts,
    )


def _check(evidence: Evidence) -> Gate | None:
    if not 0 < evidence.variant.weight_bits < 8:
        return None
    report = evidence.file(evidence.variant.name)
    # Where this processor's kernels take nothing of any file, they are not what is judged.
    return one_partition_gate(report) if report.partitions else None


def _sentence(pieces: int, outside: int, operators: int) -> str:
    if pieces == 1 and not outside:
        return f"XNNPACK runs all {operators} operators in one piece."
    return (
        f"XNNPACK runs the file in {pieces} pieces and leaves {outside} of {operators} operators "
        "to slow kernels."
    )


GATES.register(
    Rule(
        name=NAME,
        title="Fast kernels throughout",
        purpose="A layer outside XNNPACK unpacks its weights at every call, which makes 4 bits "
        "slower than 8.",
        sentence=_sentence,
        of_file=_check,
    )
)
