"""Files with float activations are judged by what the stage that made them tells."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from effq_core.experiment.variants import get_variant
from effq_core.measure.gate import GATES, Evidence, Gate
from effq_core.pipeline.stages.measure import write_json
from effq_core.runtimes.registry import inspect_file
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.matrices import with_matrices
from tests.quantize.test_dynamic import made
from tests.tflite.small_files import float32_file


def judge(folder: Path, variant: str, content: bytes, summary: dict[str, Any]) -> dict[str, Gate]:
    inputs = {}
    for name, each in (("float32", float32_file()), (variant, content)):
        for what in ("file", "inspect"):
            inputs[f"{what}:{name}"] = folder / what / name
            inputs[f"{what}:{name}"].mkdir(parents=True)
        path = inputs[f"file:{name}"] / MODEL_FILE
        path.write_bytes(each)
        write_json(inputs[f"inspect:{name}"] / "file.json", inspect_file(path).to_dict())
    context: Any = SimpleNamespace(inputs=inputs, summaries={f"file:{variant}": summary})
    evidence = Evidence(context=context, variant=get_variant(variant))
    found = {}
    for name in ("weight_bits", "one_partition"):
        judged = GATES[name].of_file
        assert judged is not None
        if (gate := judged(evidence)) is not None:
            found[name] = gate
    return found


@pytest.mark.usefixtures("xnnpack")
@pytest.mark.parametrize(("variant", "bits"), [("dynamic_range", 8), ("dynamic_int4", 4)])
def test_both_gates_judge_them(variant: str, bits: int, tmp_path: Path) -> None:
    source = float32_file() if bits == 8 else with_matrices(float32_file())
    content, chosen = made(source, bits)
    wide = [name for name, each in chosen.items() if each.error and each.kernel.bits == 8]
    gates = judge(tmp_path / "good", variant, content, {"wide": wide, "limit": 0.1})
    assert gates.keys() == {"weight_bits", "one_partition"}
    assert all(gate.passed for gate in gates.values()), gates
    by_converter = float32_file(dynamic_range=True)
    gates = judge(tmp_path / "bad", variant, by_converter, {"wide": wide, "limit": 0.1})
    assert not gates["weight_bits"].passed, gates


def test_files_of_other_makers_are_not_held_to_it(tmp_path: Path) -> None:
    gates = judge(tmp_path, "dynamic_range", float32_file(dynamic_range=True), {"form": "own"})
    assert not gates
