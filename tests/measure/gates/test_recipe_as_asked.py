"""The check that a mixed file computes in floats where its recipe says, and nowhere else."""

from __future__ import annotations

import pytest

from effq_core.base.errors import ModelError
from effq_core.experiment.mixed import Precision
from effq_core.measure.gates.recipe_as_asked import recipe_gate
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.tflite.network import read_network
from effq_core.tflite.recipe import Recipe

FILES = REFERENCE_FOLDER / "files"
FLOAT32, INT8 = (FILES / name / "model.tflite" for name in ("float32", "int8"))


def recipe(*keep: str, precision: Precision = Precision.FLOAT32) -> Recipe:
    return Recipe(keep=keep, precision=precision, method="min_max", percentile=100, suggested=False)


def test_int8_keeps_nothing_in_floats() -> None:
    gate = recipe_gate(FLOAT32, INT8, recipe())
    assert gate.passed and gate.value == 0
    assert gate.n == len(read_network(FLOAT32).ops)


def test_a_block_that_is_not_in_floats_though_asked_for_is_named() -> None:
    gate = recipe_gate(FLOAT32, INT8, recipe("block1a", "head"))
    ops = read_network(FLOAT32).by_name
    expected = len(ops["block1a"].ops) + len(ops["head"].ops)
    assert not gate.passed and gate.value == expected
    assert gate.facts is not None
    assert sorted(gate.facts["wrong_blocks"]) == [
        ["block1a", len(ops["block1a"].ops)],
        ["head", len(ops["head"].ops)],
    ]


def test_floats_that_nobody_asked_for_fail() -> None:
    blocks = read_network(FLOAT32).by_name
    assert recipe_gate(FLOAT32, FLOAT32, recipe(*blocks)).passed
    gate = recipe_gate(FLOAT32, FLOAT32, recipe(*(name for name in blocks if name != "stem")))
    assert not gate.passed and gate.value == len(blocks["stem"].ops)
    assert gate.facts is not None
    assert gate.facts["wrong_blocks"] == [["stem", len(blocks["stem"].ops)]]


def test_kernels_in_another_precision_fail() -> None:
    network = read_network(FLOAT32)
    gate = recipe_gate(FLOAT32, FLOAT32, recipe(*network.by_name, precision=Precision.FLOAT16))
    assert gate.value == sum(bool(op.kernel) for op in network.ops)


def test_the_float16_file_is_a_recipe_that_keeps_everything() -> None:
    everything = recipe(*read_network(FLOAT32).by_name, precision=Precision.FLOAT16)
    assert recipe_gate(FLOAT32, FILES / "float16" / "model.tflite", everything).passed


def test_a_file_of_another_architecture_or_none_is_told() -> None:
    assert not recipe_gate(FLOAT32, FILES / "dynamic_range" / "model.tflite", recipe()).passed
    with pytest.raises(ModelError):
        recipe_gate(FLOAT32, b"no model", recipe())
