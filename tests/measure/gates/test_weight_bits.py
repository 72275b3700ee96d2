"""Which variants are held to the bits of their weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from effq_core.experiment.variants import BASELINE, MIXED, get_variant
from effq_core.measure.gate import GATES, Evidence
from effq_core.tflite.recipe import Recipe


def test_a_recipe_of_blocks_in_floats_is_not_read_as_one_of_bits(tmp_path: Path) -> None:
    Recipe(
        keep=("head",), precision="float32", method="min_max", percentile=100.0, suggested=False
    ).save(tmp_path)
    inputs = {f"file:{name}": tmp_path for name in (MIXED, BASELINE)}
    context: Any = SimpleNamespace(inputs=inputs, summaries={})
    judged = GATES["weight_bits"].of_file
    assert judged is not None
    assert judged(Evidence(context=context, variant=get_variant(MIXED))) is None
