"""The gate that fast kernels run a file of few bits as far as they run the file it is made from."""

from __future__ import annotations

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.measure.gates.weight_bits import KEPT_WIDE
from effq_core.runtimes.file_report import FileReport

NAME = "one_partition"


def one_partition_gate(report: FileReport, start: FileReport, title: str) -> Gate:
    """Checks that few bits cost no operator its fast kernel.

    Args:
        report: The file with few bits.
        start: The file it is made from, called ``title``.

    Returns:
        The gate; its value is the number of operators outside XNNPACK.
    """
    outside, most = (each.main_ops - each.delegated_ops for each in (report, start))
    pieces, fewest = report.partitions, start.partitions
    facts = {
        "pieces": pieces,
        "outside": outside,
        "operators": report.main_ops,
        "start": title,
        "start_pieces": fewest,
        "start_outside": most,
    }
    passed = pieces <= fewest and outside <= most
    return judged(NAME, passed=passed, value=outside, limit=most, n=report.main_ops, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    row = evidence.variant
    if not (0 < row.weight_bits < 8 or KEPT_WIDE in evidence.made):
        return None
    start = row.needs[0] if row.needs else BASELINE
    before = evidence.file(start)
    # Where this processor's kernels take nothing of any file, they are not what is judged.
    if not before.partitions:
        return None
    return one_partition_gate(evidence.file(row.name), before, get_variant(start).title)


def _sentence(
    pieces: int, outside: int, operators: int, start: str, start_pieces: int, start_outside: int
) -> str:
    return (
        f"XNNPACK runs all but {outside} of {operators} operators, in "
        f"{fmt.counted(pieces, 'piece')}; of {start}, all but {start_outside} in {start_pieces}."
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
