"""What checks a mixed file."""

from __future__ import annotations

from effq_core.experiment.variants import BASELINE
from effq_core.measure.gates import Gate
from effq_core.measure.recipe_gate import recipe_gate
from effq_core.pipeline.stages.variant_gates import Evidence
from effq_core.store.stage_files import MODEL_FILE
from effq_core.tflite.recipe import Recipe


def as_asked(evidence: Evidence) -> Gate:
    """Looks whether floats are exactly where its recipe says."""
    inputs = evidence.context.inputs
    float32, mixed = inputs[f"file:{BASELINE}"], inputs[f"file:{evidence.variant.name}"]
    return recipe_gate(float32 / MODEL_FILE, mixed / MODEL_FILE, Recipe.load(mixed))
