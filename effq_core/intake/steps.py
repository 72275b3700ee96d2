"""What the checking process tells: the steps of a check, and what came of them, as plain data."""

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

REQUEST_FILE = "request.json"
STEPS_FILE = "steps.jsonl"
REPORT_FILE = "report.json"
UPLOAD_FILE = "upload"
IN, OUT, SCRATCH = "in", "out", "scratch"
_MOST_BYTES = 1 << 20
_PATH = re.compile(r"(?<![\w.:/])/(?:[^\s'\"/]+/)+([^\s'\"/]*)")


class StepState(StrEnum):
    """How a step went."""

    RUNNING = "running"
    DONE = "done"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """One thing that is checked."""

    title: str  # what
    state: StepState  # how it went
    detail: str = ""  # what was found, or what went wrong
    hint: str = ""  # what to do about it


@dataclass
class Progress:
    """A step under way; what is said of it is written when it ends."""

    title: str
    state: StepState = StepState.DONE
    detail: str = ""
    hint: str = ""

    def warn(self, detail: str, hint: str = "") -> None:
        """Lets the step end with something a reader must know."""
        self.state, self.detail, self.hint = StepState.WARNING, detail, hint


@contextlib.contextmanager
def under_way(folder: Path, title: str) -> Iterator[Progress]:
    """Writes a step down when it begins and when it ends well; the caller tells a failure."""
    progress = Progress(title)
    append(folder, Step(title, StepState.RUNNING))
    yield progress
    append(folder, Step(title, progress.state, progress.detail, progress.hint))


def append(folder: Path, step: Step) -> None:
    """Writes a step down; a later one of the same title takes its place when read."""
    with (folder / STEPS_FILE).open("a", encoding="ascii") as file:
        # Where this process works is nobody's business.
        told = {name: _PATH.sub(r"\1", value) for name, value in asdict(step).items()}
        file.write(json.dumps(told) + "\n")


def read(folder: Path) -> tuple[Step, ...]:
    """Reads what was written so far, trusting none of it; what cannot be read is left out."""
    try:
        text = _content(folder / STEPS_FILE).decode("ascii", "replace")
    except OSError:
        return ()
    found: dict[str, Step] = {}
    for line in text.splitlines():
        try:
            plain = json.loads(line)
            step = Step(
                title=_text(plain["title"]),
                state=StepState(plain["state"]),
                detail=_text(plain.get("detail", "")),
                hint=_text(plain.get("hint", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        found[step.title] = step
    return tuple(found.values())


def read_report(folder: Path) -> dict[str, Any] | None:
    """Reads the report, bounded; ``None`` where there is none."""
    try:
        value = json.loads(_content(folder / REPORT_FILE))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _content(path: Path) -> bytes:
    """Reads a file whose writer is not trusted: it may be a link, or a pipe that never ends."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not an ordinary file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_MOST_BYTES)
    finally:
        os.close(descriptor)


def _text(value: Any) -> str:
    return " ".join(str(value).split())[:1000]
