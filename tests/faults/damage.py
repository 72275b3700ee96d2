"""Damaging what a run stands on: its artifacts, its disk, its folders, its clock."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from effq_core.base.errors import EffqError
from effq_core.results import load_results
from effq_core.store.rows import Status
from tests.faults.cell import (
    Cell,
    Impossible,
    Missed,
    again,
    check_said,
    check_whole,
    inside,
    shown,
)
from tests.faults.compare import half_artifacts
from tests.faults.undisturbed import Base
from tests.faults.world import World

_DAY = 86_400
_SOURCE = Path(__file__).with_name("clock.c")


def truncate_artifact(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The largest file of a finished run's artifact loses its second half."""
    run_id = made.add_run()
    made.ended(made.drive(run_id))
    row = made.base.stages[stage]
    folder = made.home.artifacts / row.kind / row.fingerprint
    file = max(
        (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"),
        key=lambda path: path.stat().st_size,
    )
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.unlink()  # the undisturbed run's file has the same inode
    file.write_bytes(half)
    _look(made, run_id, cell)
    cell.how = "noticed, made again"
    made.ended(made.drive(run_id))
    warnings = [str(event["message"]) for event in made.events(run_id, "warning")]
    told = [text for text in warnings if "made again" in text]
    cell.said = (cell.said or next(iter(told), "")).replace(str(made.home.root), "EFFQ_HOME")
    if not told and not cell.said:
        cell.problems.append("The damage is not told.")
    check_whole(made, run_id, cell)


def _look(made: World, run_id: str, cell: Cell) -> None:
    """Reads all a page shows of a run: the undisturbed run's numbers, or an error that says why."""
    ours, theirs = _numbers(made, run_id), _numbers_of_base(made.base)
    for name, value in ours.items():
        if isinstance(value, EffqError):
            cell.said = cell.said or str(value)
        elif value != theirs[name]:
            cell.problems.append(f"A damaged store gives another {name}.")


def _numbers(made: World, run_id: str) -> dict[str, Any]:
    return _read_all(made.home, made.row(run_id))


def _numbers_of_base(base: Base) -> dict[str, Any]:
    return _read_all(base.home, base.run)


def _read_all(home: Any, run: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        results = load_results(home, run)
    except EffqError as error:
        return {"results": error}
    for name, variant in results.variants.items():
        found[f"accuracy of {name}"] = variant.accuracy.to_dict()
        try:
            found[f"answers of {name}"] = results.predictions(name).probabilities.tobytes()
        except EffqError as error:
            found[f"answers of {name}"] = error
        try:
            found[f"file of {name}"] = results.model_file(name).read_bytes()
        except EffqError as error:
            found[f"file of {name}"] = error
    return found


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of memory for the store of one cell."""
    mount = folder.with_name(f"{folder.name}-disk")
    mount.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=800m", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise Impossible("mounting a small disk is not allowed here")
    try:
        yield mount / "home"
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def fill_disk(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """Not a byte is free from the first moment of the stage on."""
    ballast = made.home.root.parent / "ballast"
    with ballast.open("wb", buffering=0) as file:
        free = shutil.disk_usage(made.home.root).free
        os.posix_fallocate(file.fileno(), 0, max(1, free - (32 << 20)))
        file.seek(0, os.SEEK_END)
        run_id = made.add_run()
        process = made.drive(run_id)
        with inside(made, stage, deep=False):
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue
    code = made.ended(process)
    half = half_artifacts(made)
    ballast.unlink()
    if code == 0:
        raise Missed
    row = made.row(run_id)
    log = made.log(run_id).read_text(errors="replace")
    cell.problems += half
    if row.status is Status.FINISHED or row.results is not None:
        cell.problems.append("The run is finished though nothing could be written.")
    if row.error:
        cell.how = f"{row.status}, said; resumed"
        check_said(cell, row.error, row.hint)
    else:  # not even that could be written: then it is on the terminal
        cell.how = f"{row.status}, said on the terminal; resumed"
        last = log.strip().splitlines()[-1]
        check_said(cell, last, shown(made, run_id))
    if "space" not in cell.said and "full" not in cell.said:
        cell.problems.append(f"It is not said that the disk is full: {cell.said}")
    again(made, run_id, cell)


def unwritable(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The folder of the stage's artifacts, and the one it writes to, may not be changed."""
    run_id = made.add_run()
    process = made.drive(run_id)
    folders: list[str] = []
    try:
        with inside(made, stage, deep=False) as draft:
            folders = [str(draft.parent), str(draft)]
            # Permissions do not stop root, under whom these tests may run; this attribute does.
            frozen = subprocess.run(["chattr", "+i", *folders], capture_output=True, check=False)
        if frozen.returncode:
            raise Impossible("making a folder immutable is not allowed here")
        code = made.ended(process)
        half = half_artifacts(made)
    finally:
        subprocess.run(["chattr", "-i", *folders], capture_output=True, check=False)
    if code == 0:
        raise Missed
    row = made.row(run_id)
    cell.problems += half
    cell.how = f"{row.status}, said; resumed"
    check_said(cell, row.error, row.hint)
    again(made, run_id, cell)


def clock_back(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The time of day jumps back by a day in the middle of the stage, for every process."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Impossible("there is no C compiler to make the clock with")
    library, shift = made.outside / "clock.so", made.outside / "shift"
    if not shift.exists():
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE)]
        subprocess.run([*command, "-ldl", "-lpthread"], check=True)
        shift.write_bytes(struct.pack("l", 0))
    made.environment |= {"LD_PRELOAD": str(library), "EFFQ_TEST_CLOCK": str(shift)}
    run_id = made.add_run()
    process = made.drive(run_id)
    with inside(made, stage, deep), shift.open("r+b") as file:
        (before,) = struct.unpack("l", shift.read_bytes())
        file.write(struct.pack("l", before - _DAY))
    made.ended(process)
    cell.how = "went on"
    row = made.row(run_id)
    if row.finished and row.started and row.finished > row.started:
        cell.problems.append("The clock was not set back.")
    times = [each.seconds for each in made.stage_rows(run_id).values()]
    if any(value is not None and not 0 <= value < _DAY for value in times):
        cell.problems.append(f"Stages took {times} seconds.")
    check_whole(made, run_id, cell)
