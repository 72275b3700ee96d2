"""Checks that variants name in their rows: of one file, from what its run has measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effq_core.base.registry import resolve
from effq_core.experiment.variants import BASELINE, PTQ, Ranges, Variant
from effq_core.measure import gates as rules
from effq_core.measure.fake_quant_count import expected_fake_quant
from effq_core.measure.gates import Gate
from effq_core.measure.predictions import Predictions
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages.measure import read_json
from effq_core.runtimes.file_report import FileReport
from effq_core.store.stage_files import KERAS_FILE


@dataclass(frozen=True)
class Evidence:
    """What a check may look at.

    Attributes:
        context: Of the stage ``report``, with everything that was measured.
    """

    context: StageContext
    variant: Variant

    def file(self, variant: str) -> FileReport:
        """Returns what is in a variant's file."""
        return FileReport.from_dict(
            read_json(self.context.inputs[f"inspect:{variant}"] / "file.json")
        )


def gates_of(evidence: Evidence) -> list[Gate]:
    """Applies a variant's checks; what a run has not measured for one is left out."""
    found: list[Gate | None] = [resolve(where)(evidence) for where in evidence.variant.gates]
    return [gate for gate in found if gate is not None]


def keras_parity(evidence: Evidence) -> Gate | None:
    """Sets the file's answers against those of the Keras model it was converted from."""
    inputs, variant = evidence.context.inputs, evidence.variant
    if f"keras:{variant.name}" not in inputs:
        return None
    answers = Predictions.load(inputs[f"evaluate:{variant.name}"])
    keras = answers.counted(np.load(inputs[f"keras:{variant.name}"] / KERAS_FILE))
    tflite = answers.probabilities[: len(keras)]
    simulated = variant.ranges is Ranges.FAKE_QUANT
    minimum = rules.QAT_PARITY if simulated else rules.FLOAT_PARITY
    return rules.agreement_gate("keras_vs_tflite", keras, tflite, minimum)


def no_float(evidence: Evidence) -> Gate:
    """Looks for tensors that are floats."""
    return rules.no_float_gate(evidence.file(evidence.variant.name))


def fake_quant(evidence: Evidence) -> Gate:
    """Counts the graph's fake-quant operators, against what float32's operators need."""
    summaries = evidence.context.summaries
    training = summaries.get(f"training:{evidence.variant.name}") or {}
    needed = expected_fake_quant(evidence.file(BASELINE))
    return rules.fake_quant_gate(training.get("fake_quant", {}), needed)


def same_operators(evidence: Evidence) -> Gate | None:
    """Compares its operators with int8's."""
    if f"inspect:{PTQ}" not in evidence.context.inputs:
        return None
    return rules.same_ops_gate(evidence.file(PTQ), evidence.file(evidence.variant.name))
