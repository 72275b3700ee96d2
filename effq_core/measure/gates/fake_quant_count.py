"""The gate that a QAT graph has every fake-quant operator its architecture needs."""

from collections.abc import Mapping

from effq_core.experiment.variants import BASELINE, Ranges
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.file_report import FileReport
from effq_core.tflite.operators import OutputScale, operator_kind

NAME = "fake_quant_count"
_KINDS = {"per_channel": "per-channel", "per_tensor": "per-tensor"}


def expected_fake_quant(float32: FileReport) -> dict[str, int]:
    """Counts the fake-quant operators an architecture needs, from its float32 file."""
    ops = [(operator_kind(name), count) for name, count in float32.ops.items()]
    return {
        "per_channel": sum(n for kind, n in ops if kind.has_channel_scales),
        "per_tensor": 1
        + sum(n for kind, n in ops if kind.output_scale is OutputScale.RANGE)
        + sum(n for kind, n in ops if kind.has_kernel and not kind.has_channel_scales),
    }


def fake_quant_gate(found: Mapping[str, int], expected: Mapping[str, int]) -> Gate:
    """Checks that a QAT graph has the fake-quant operators its architecture needs, by kind."""
    have = {kind: found.get(kind, 0) for kind in _KINDS}
    need = {kind: expected.get(kind, 0) for kind in _KINDS}
    total, limit, facts = sum(have.values()), sum(need.values()), {"found": have, "needed": need}
    passed = total > 0 and have == need
    return judged(NAME, passed=passed, value=total, limit=limit, n=total, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    if evidence.variant.ranges is not Ranges.FAKE_QUANT:
        return None
    training = evidence.context.summaries.get(f"training:{evidence.variant.name}") or {}
    needed = expected_fake_quant(evidence.file(BASELINE))
    return fake_quant_gate(training.get("fake_quant", {}), needed)


def _sentence(found: Mapping[str, int], needed: Mapping[str, int]) -> str:
    parts = (f"{found[kind]} of {needed[kind]} {title}" for kind, title in _KINDS.items())
    return f"Fake-quant operators found: {', '.join(parts)}; all must be there."


GATES.register(
    Rule(
        name=NAME,
        title="Fake-quant is in every required place",
        purpose="Without a fake-quant operator at every weight and activation, training would not "
        "be quantization-aware.",
        sentence=_sentence,
        of_file=_check,
    )
)
