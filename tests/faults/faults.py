"""What is done to a run, each at any of its stages, and what must hold afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effq_core.errors import EffqError
from effq_core.pipeline.stage import LAST
from effq_core.results import load_results
from effq_core.store.rows import Status
from tests.faults.world import (
    Base,
    Broken,
    World,
    differences,
    half_artifacts,
    leftovers,
    world,
)

HOLDS, BROKEN, SKIPPED = "holds", "broken", "skipped"
_TRIES = 4
_DAY = 86_400
_SOURCE = Path(__file__).with_name("clock.c")


class Missed(Exception):  # noqa: N818 - tried again
    """The stage had ended before the fault could happen."""


class Impossible(Exception):  # noqa: N818 - this machine cannot do it
    """The fault cannot be made here; the reason is the message."""


@dataclass
class Cell:
    """One fault at one stage, and what came of it.

    Attributes:
        fault: Name of the fault.
        stage: Name of the stage.
        outcome: ``holds``, ``broken`` or ``skipped``.
        how: What the run did, in a few words.
        said: What the user is told.
        problems: What does not hold.
        seconds: How long the cell took.
    """

    fault: str
    stage: str
    outcome: str = HOLDS
    how: str = ""
    said: str = ""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


Act = Callable[[World, str, Cell, bool], None]
"""Does it: world, stage, the cell to fill in, and whether to wait until deep inside the stage."""


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
    begun = time.monotonic()
    try:
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
    except Impossible as reason:
        cell.outcome, cell.how = SKIPPED, str(reason)
    except (Broken, EffqError) as error:
        cell.problems.append(str(error))
    except Exception as error:  # noqa: BLE001 - a cell that breaks must not end the others
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        cell.problems.append(f"{type(error).__name__} at {where}: {error}")
    if cell.problems:
        cell.outcome = BROKEN
        places.drop(fault)
    cell.seconds = time.monotonic() - begun
    return cell


def check_whole(made: World, run_id: str, cell: Cell) -> None:
    """A finished run: the undisturbed one's answers, whole artifacts, nothing left."""
    cell.problems += differences(made, run_id) + half_artifacts(made) + leftovers(made)


def again(made: World, run_id: str, cell: Cell) -> None:
    """Runs it again, and then everything must be as if nothing had been."""
    made.ended(made.drive(run_id))
    check_whole(made, run_id, cell)


def check_said(cell: Cell, message: str, hint: str) -> None:
    """A message must say what happened in words of ours, and what to do."""
    cell.said = f"{message} {hint}".strip()
    if not message or not hint:
        cell.problems.append(f"What is said is not enough: {cell.said!r}")
    if "bug" in message or "unexpectedly" in message or "Traceback" in message:
        cell.problems.append(f"What is said is no clear message: {message}")


@contextmanager
def _inside(made: World, stage: str, deep: bool) -> Iterator[Path]:
    """Stops a stage in the middle while the block does something to it."""
    with made.held(stage, deep) as draft:
        if draft is None:
            raise Missed
        yield draft


def _survives(made: World, process: subprocess.Popen[bytes], run_id: str, cell: Cell) -> None:
    """A run that must go on by itself and say what it lost."""
    made.ended(process)
    lost = made.events(run_id, "worker_lost")
    cell.how = "went on"
    cell.said = " ".join(str(event["reason"]) for event in lost)
    if not lost:
        cell.problems.append("The run does not tell that a process was lost.")
    check_whole(made, run_id, cell)
    if cell.stage.startswith("finetune"):
        _resumed(made, run_id, cell)


def _resumed(made: World, run_id: str, cell: Cell) -> None:
    epochs = [event["epoch"] for event in made.events(run_id, "resumed")]
    if epochs:
        cell.how += f", from epoch {epochs[-1]}"
    else:
        cell.problems.append("It did not resume from its checkpoint.")


def kill_worker(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with _inside(made, stage, deep) as draft:
        _kill(made.worker(draft))
    _survives(made, process, run_id, cell)


def kill_engine(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with _inside(made, stage, deep):
        _kill(made.engine())
    _survives(made, process, run_id, cell)


def kill_driver(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with _inside(made, stage, deep):
        _kill(process.pid)
        process.wait()
    row = made.settled(run_id, 10)
    if row.status is Status.FINISHED:
        raise Missed
    if row.status is not Status.INTERRUPTED or row.results is not None:
        cell.problems.append(f"The run is {row.status} with results {row.results}.")
    cell.problems += half_artifacts(made)
    cell.how = "interrupted; resumed"
    check_said(cell, f"Status: {row.status}.", _shown(made, run_id))
    again(made, run_id, cell)
    if stage.startswith("finetune") and _was_made_by(made, run_id, stage):
        _resumed(made, run_id, cell)


def _was_made_by(made: World, run_id: str, stage: str) -> bool:
    """Whether the second driver's worker made it; the first one's may have come to its end."""
    return made.stage_rows(run_id)[stage].state.value == "done"


def _shown(made: World, run_id: str) -> str:
    """What ``effq show`` says of a run: its last line."""
    shown = subprocess.run(
        [sys.executable, "-m", "effq_core", "show", run_id],
        env=made.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in shown.stdout.splitlines() if line.strip()]
    return next((line.strip() for line in lines if "resume" in line.lower()), "")


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


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
    cell.how = "noticed, made anew"
    made.ended(made.drive(run_id))
    warnings = [str(event["message"]) for event in made.events(run_id, "warning")]
    told = [text for text in warnings if "made anew" in text]
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


def kill_dashboard(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The dashboard whose button started the run dies; its runs are processes of their own."""
    run_id = made.add_run(Status.CANCELLED)
    with dashboards(made, 1) as (app,), browser() as open_page:
        press_resume(open_page(), app, run_id)
        with _inside(made, stage, deep):
            app.kill()
        made.settled(run_id)
    cell.how = "went on"
    check_whole(made, run_id, cell)


@contextmanager
def dashboards(made: World, count: int) -> Iterator[list[Any]]:
    """Runs real dashboards on one store."""
    try:
        from tests.browser.app import chromium, serve
    except ImportError:
        raise Impossible("Playwright is not installed here") from None
    if chromium() is None:
        raise Impossible("there is no Chromium here")
    with ExitStack() as stack:
        yield [stack.enter_context(serve(made.home.root, **made.variables())) for _ in range(count)]


@contextmanager
def browser() -> Iterator[Callable[[], Any]]:
    """Runs a real browser; what is yielded opens a page."""
    from playwright.sync_api import sync_playwright

    from tests.browser.app import launch

    with sync_playwright() as playwright:
        running = launch(playwright)
        try:
            yield running.new_page
        finally:
            running.close()


def press_resume(page: Any, app: Any, run_id: str) -> None:
    """Goes on with a run as a visitor does."""
    from tests.browser.app import visit

    visit(page, app, "experiment", f"run={run_id}", timeout=120_000)
    page.locator(".st-key-do_resume button").first.click(timeout=120_000)


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
        with _inside(made, stage, deep=False):
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
        check_said(cell, last, _shown(made, run_id))
    if "space" not in cell.said and "full" not in cell.said:
        cell.problems.append(f"It is not said that the disk is full: {cell.said}")
    again(made, run_id, cell)


def unwritable(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The folder of the stage's artifacts, and the one it writes to, may not be changed."""
    run_id = made.add_run()
    process = made.drive(run_id)
    folders: list[str] = []
    try:
        with _inside(made, stage, deep=False) as draft:
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
    with _inside(made, stage, deep), shift.open("r+b") as file:
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
    *("finetune", "ranges", "inspect", "evaluate", "benchmark", "tensors", "report"),
)
"""Kinds of stages in the order of the work."""


def representatives(base: Base) -> dict[str, str]:
    """One stage of each kind, by the kind's name; quantizing is a kind of its own here."""
    found: dict[str, str] = {}
    for name, row in base.stages.items():
        found.setdefault(row.kind, name)
    for kind in ("inspect", "evaluate", "benchmark"):
        if f"{kind}:int8" in base.stages:
            found[kind] = f"{kind}:int8"
    if "convert:int8" in base.stages:
        found["quantize"] = "convert:int8"
    return {kind: found[kind] for kind in KINDS if kind in found}
