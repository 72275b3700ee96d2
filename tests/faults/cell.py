"""One cell of the fault matrix: what is filled in, and what must hold whatever was done."""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from effq_core.base.errors import EffqError
from tests.faults.compare import differences, half_artifacts, leftovers
from tests.faults.undisturbed import Broken
from tests.faults.world import World

HOLDS, BROKEN, SKIPPED = "holds", "broken", "skipped"


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


@contextmanager
def judging(cell: Cell) -> Iterator[None]:
    """Fills in a cell's outcome and time from how the block ends."""
    begun = time.monotonic()
    try:
        yield
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
    cell.seconds = time.monotonic() - begun


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
def inside(made: World, stage: str, deep: bool) -> Iterator[Path]:
    """Stops a stage in the middle while the block does something to it."""
    with made.held(stage, deep) as draft:
        if draft is None:
            raise Missed
        yield draft


def effq(made: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    return subprocess.run(
        [sys.executable, "-m", "effq_core", *arguments],
        env=made.variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def shown(made: World, run_id: str) -> str:
    """What ``effq show`` says of a run: its last line."""
    lines = [line for line in effq(made, "show", run_id).stdout.splitlines() if line.strip()]
    return next((line.strip() for line in lines if "resume" in line.lower()), "")
