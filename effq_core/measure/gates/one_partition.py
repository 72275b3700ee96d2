"""The gate that a file with weights of few bits runs on XNNPACK as a whole."""

from __future__ import annotations

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.file_report import FileReport

NAME = "one_partition"


def one_partition_gate(report: FileReport, source: FileReport | None = None) -> Gate:
    """Checks that the fast kernels take all operators in one piece, or as many as of ``source``.

    Args:
        source: The file it was made from, whose operators may leave them as well.

    Returns:
        The gate; its value is the number of pieces.
    """
    facts = {
        "pieces": report.partitions,
        "outside": report.main_ops - report.delegated_ops,
        "operators": report.main_ops,
    }
    most, outside = 1, 0
    if source is not None and source.partitions:
        most, outside = source.partitions, source.main_ops - source.delegated_ops
    facts |= {"most": most, "most_outside": outside}
    return judged(
        NAME,
        passed=report.partitions <= most and facts["outside"] <= outside,
        value=report.partitions,
        limit=most,
        n=report.main_ops,
        facts=facts,
    )


def _check(evidence: Evidence) -> Gate | None:
    own = evidence.variant
    if not (0 < own.weight_bits < 8 or own.is_dynamic):
        return None
    report = evidence.file(own.name)
    source = next((name for name in own.needs if f"inspect:{name}" in evidence.context.inputs), "")
    # Where this processor's kernels take nothing of any file, they are not what is judged.
    return (
        one_partition_gate(report, evidence.file(source or BASELINE)) if report.partitions else None
    )


def _sentence(
    pieces: int, outside: int, operators: int, most: int = 1, most_outside: int = 0
) -> str:
    if pieces == 1 and not outside:
        return f"XNNPACK runs all {operators} operators in one piece."
    if pieces <= most and outside <= most_outside:
        return (
            f"XNNPACK runs the file in {fmt.counted(pieces, 'piece')} and leaves {outside} of "
            f"{operators} operators, no more than of the file it was made from."
        )
    return (
        f"XNNPACK runs the file in {pieces} pieces and leaves {outside} of {operators} operators "
        "to slow kernels."
    )


GATES.register(
    Rule(
        name=NAME,
        title="Fast kernels throughout",
        purpose="A layer outside XNNPACK unpacks its weights at every call, which makes few bits "
        "slower than many.",
        sentence=_sentence,
        of_file=_check,
    )
)
