"""A file cut in two: one tensor passes, and the first part gives what the whole has there."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.experiment.low_bits import LATE, WHOLE
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.registry import open_session
from effq_core.tflite.cutting import entering, first_operator, one_operator, part_before, parts
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import matrix_products, with_matrices

FILE = REFERENCE_FOLDER / "files" / "int8" / "model.tflite"
CONTENT = FILE.read_bytes()
GRAPH = read_tflite(CONTENT).main


def test_the_whole_begins_at_the_first_operator() -> None:
    assert first_operator(CONTENT, WHOLE) == 0
    assert entering(GRAPH, 0) is GRAPH.inputs[0]


def test_the_late_blocks_of_v2_b0_begin_with_stage_6() -> None:
    content = with_matrices(CONTENT)
    assert first_operator(content, LATE) == first_operator(content, "block6a")


@pytest.mark.parametrize("block", ["block2a", "block5a", "block6a", "head"])
def test_a_block_begins_where_one_tensor_enters(block: str, tmp_path: Path) -> None:
    first = first_operator(CONTENT, block)
    passing = entering(GRAPH, first)
    part = tmp_path / "part.tflite"
    part.write_bytes(part_before(CONTENT, first))
    whole, before = open_session(FILE, keep_values=True), open_session(part)
    image = np.random.default_rng(1).integers(-128, 128, whole.inputs[0].shape).astype(np.int8)
    for session in (whole, before):
        session.feed(image)
        session.invoke()
    assert before.answer().tobytes() == whole.value(passing.index).tobytes()
    assert len(read_tflite(part).main.operators) == first > 0


def test_a_layer_beside_a_residual_begins_where_the_residual_does() -> None:
    op = next(op for op in GRAPH.operators if "block6b_dwconv" in op.output.name)
    with pytest.raises(ModelError, match="2 tensors enter"):
        entering(GRAPH, op.index)


def test_a_block_there_is_not_is_named() -> None:
    with pytest.raises(ModelError, match="no block 'block9z'") as error:
        first_operator(CONTENT, "block9z")
    assert "block6a" in error.value.hint


def test_parts_are_blocks_between_which_one_known_tensor_passes() -> None:
    known = {op.output.name for op in GRAPH.operators}
    found = parts(CONTENT, known)
    assert found[0][0] == 0 and found[-1][1] == first_operator(CONTENT, "head")
    assert all(end == first for (_, end), (first, _) in itertools.pairwise(found))
    first = first_operator(CONTENT, "block6b")
    assert first in dict(found)
    fewer = parts(CONTENT, known - {entering(GRAPH, first).name})
    assert len(fewer) == len(found) - 1 and first not in dict(fewer)


def test_an_operator_by_itself_gives_the_same_values(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.tflite", tmp_path / "part.tflite"
    matrices = with_matrices(CONTENT)
    ops = matrix_products(matrices)
    op = ops[len(ops) // 2]
    whole.write_bytes(matrices)
    part.write_bytes(one_operator(matrices, op.index))
    assert part.stat().st_size < 0.2 * whole.stat().st_size
    session, alone = open_session(whole, keep_values=True), open_session(part)
    image = np.random.default_rng(2).integers(-128, 128, session.inputs[0].shape)
    session.feed(image.astype(np.int8))
    session.invoke()
    assert op.inputs[0] is not None
    alone.feed(session.value(op.inputs[0].index))
    alone.invoke()
    np.testing.assert_array_equal(alone.answer(), session.value(op.output.index))
