"""Real runs broken in every way, at a few stages; `benchmarks/fault_matrix.py` does it at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.cell import BROKEN, SKIPPED
from tests.faults.faults import FAULTS, Places, representatives, try_cell
from tests.faults.special import SPECIALS, try_special
from tests.faults.undisturbed import Base

# The cheapest stages that still write, compute or measure: none imports TensorFlow.
CELLS = (
    ("worker", "evaluate:int8"),
    ("driver", "calibrate"),
    ("engine", "tensors"),
    ("disk", "calibrate"),
    ("unwritable", "inspect:int8"),
    ("truncated", "pixels:evaluation"),
    ("truncated", "report"),
    ("twice", "evaluate:float16"),
    ("clock", "evaluate:int8"),
)


@pytest.fixture(scope="module")
def base(tiny_run: Any) -> Base:
    return Base.of(tiny_run.home, tiny_run.run.id)


@pytest.fixture(scope="module")
def places(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with Places(base, tmp_path_factory.mktemp("cells")) as made:
        yield made


@pytest.mark.parametrize(("fault", "stage"), CELLS)
def test_a_fault_harms_no_result(places: Places, fault: str, stage: str) -> None:
    cell = try_cell(fault, stage, places)
    if cell.outcome == SKIPPED:
        pytest.skip(cell.how)
    assert cell.outcome != BROKEN, "\n".join(cell.problems)


def test_of_two_processes_that_drive_one_run_one_is_told(base: Base, tmp_path: Any) -> None:
    cell = try_special("same-run", base, tmp_path)
    assert cell.outcome != BROKEN, "\n".join(cell.problems)


def test_the_matrix_has_every_fault_at_every_kind_of_stage(base: Base) -> None:
    kinds = {row.kind for row in base.stages.values()}
    assert {base.stages[name].kind for name in representatives(base).values()} == kinds
    assert {fault for fault, _ in CELLS} == set(FAULTS) - {"dashboard"}
    assert len(SPECIALS) == 8
