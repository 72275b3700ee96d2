"""What is done to a run, each at any of its stages, and what must hold afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effq_core.pipeline.stage import LAST
from tests.faults.cell import Act, Cell, Missed, check_whole, judging
from tests.faults.damage import clock_back, fill_disk, small_disk, truncate_artifact, unwritable
from tests.faults.kills import kill_dashboard, kill_driver, kill_engine, kill_worker
from tests.faults.undisturbed import Base, Broken
from tests.faults.world import World, world

_TRIES = 4


@dataclass
class Places:
    """Stores that cells use one after another: each must leave one as the undisturbed run's.

    Attributes:
        base: The undisturbed run.
        folder: An empty folder.
    """

    base: Base
    folder: Path
    _open: dict[str, tuple[World, ExitStack]] = field(default_factory=dict)
    _made: int = 0

    def get(self, fault: str) -> World:
        """A whole copy of the undisturbed store, perhaps the last cell's."""
        if fault not in self._open:
            self._made += 1
            folder, stack = self.folder / f"{fault}-{self._made}", ExitStack()
            with ExitStack() as entering:
                place = entering.enter_context(FAULTS[fault].room(folder))
                made = entering.enter_context(
                    world(self.base, folder, (), link=place is None, place=place)
                )
                stack = entering.pop_all()
            self._open[fault] = made, stack
        return self._open[fault][0]

    def drop(self, fault: str) -> None:
        """Closes a store that nobody may use again, and all that runs on it."""
        if fault in self._open:
            made, stack = self._open.pop(fault)
            stack.close()
            shutil.rmtree(made.outside, ignore_errors=True)

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        for fault in list(self._open):
            self.drop(fault)


def try_cell(fault: str, stage: str, places: Places) -> Cell:
    """Breaks a run at a stage and looks at everything that must hold.

    Args:
        fault: A key of :data:`FAULTS`.
        stage: Name of a stage.
        places: Where.

    Returns:
        What came of it.
    """
    cell = Cell(fault, stage)
    with judging(cell):
        for number in range(_TRIES):
            try:
                made = places.get(fault)
                if FAULTS[fault].removes:
                    made.take_out([stage, LAST])
                FAULTS[fault].act(made, stage, cell, number == 0)
                break
            except Missed:
                places.drop(fault)
                if number == _TRIES - 1:
                    raise Broken("The stage was always over before the fault.") from None
    if cell.problems:
        places.drop(fault)
    return cell


def twice(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The same experiment, asked for twice, from two processes at once."""
    runs = [made.add_run(), made.add_run()]
    processes = [made.drive(run_id) for run_id in runs]
    for process in processes:
        made.ended(process)
    states = sorted(made.stage_rows(run_id)[stage].state.value for run_id in runs)
    if states != ["done", "reused"]:
        cell.problems.append(f"The stage is {' and '.join(states)} instead of made once.")
    cell.how = "made once, used twice"
    for run_id in runs:
        check_whole(made, run_id, cell)


@contextmanager
def _no_room(folder: Path) -> Iterator[None]:
    yield None


@dataclass(frozen=True)
class Fault:
    """A fault that can happen at any stage.

    Attributes:
        title: For people.
        act: Does it.
        removes: Whether the stage is to be made in the cell.
        room: Where the store is, if it needs a disk of its own.
    """

    title: str
    act: Act
    removes: bool = True
    room: Any = _no_room


FAULTS: dict[str, Fault] = {
    "driver": Fault("driver killed", kill_driver),
    "worker": Fault("worker killed", kill_worker),
    "engine": Fault("engine killed", kill_engine),
    "dashboard": Fault("dashboard killed", kill_dashboard),
    "disk": Fault("disk full", fill_disk, room=small_disk),
    "unwritable": Fault("store folder not writable", unwritable),
    "truncated": Fault("artifact truncated", truncate_artifact, removes=False),
    "twice": Fault("started twice at once", twice),
    "clock": Fault("clock set back a day", clock_back),
}


KINDS = (
    *("index", "pixels", "model", "freeze", "keras", "convert", "calibrate", "quantize"),
    *("moments", "round", "dynamic", "bounds", "widths", "fit", "round_widths", "train_file"),
    *("finetune", "ranges", "lookalikes", "inspect", "evaluate", "benchmark", "tensors"),
    *("rounding", "report"),
)
"""Kinds of stages in the order of the work."""

APART = {
    "quantize": "convert:int8",
    "round": "convert:int4",
    "dynamic": "convert:dynamic_int4",
    "round_widths": "convert:fitted",
    "train_file": "finetune:int4_qat",
    "inspect": "inspect:int8",
    "evaluate": "evaluate:int8",
}
"""Stages that stand for a kind, or are one of their own here."""


def representatives(base: Base) -> dict[str, str]:
    """One stage of each kind, by the kind's name."""
    found: dict[str, str] = {}
    for name, row in base.stages.items():
        found.setdefault(row.kind, name)
    found |= {kind: name for kind, name in APART.items() if name in base.stages}
    return {kind: found[kind] for kind in KINDS if kind in found}
