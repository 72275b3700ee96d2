"""Starting the checking process and watching over it; imports no TensorFlow."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from effq_core.base import formatting as fmt
from effq_core.base.errors import EngineError, ModelError
from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.settings import WORKER_ENVIRONMENT, Home
from effq_core.intake import steps
from effq_core.intake.steps import Step
from effq_core.jobs.held_folder import HeldFolder, sweep
from effq_core.models.own.card import own_folder
from effq_core.photos.incoming.limits import KEEP_FREE

CHECKING = ".checking"  # name of the folder of all of them, beside the models


class Workplace(HeldFolder):
    """A temporary folder under the store with ``in/``, ``out/`` and ``scratch/``."""

    def __init__(self, home: Home) -> None:
        checking = make_folder(own_folder(home) / CHECKING, 0o700)
        guard = checking / ".folders"
        sweep(checking, "*", guard)
        parts = (steps.IN, steps.OUT, steps.SCRATCH)
        super().__init__(checking / secrets.token_hex(8), guard, parts=parts)

    def clear(self) -> None:
        """Removes all but ``out/``, such as the upload and the log, or raises StoreError."""
        with store_errors(self.path):
            for path in self.path.iterdir():
                if not path.is_dir():
                    path.unlink()
                elif path.name != steps.OUT:
                    remove_tree(path)


GIB = 1 << 30
_TICK = 0.1
_OWN_FOLDERS = ("HOME", "TMPDIR", "KERAS_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")
_SMALLER = "Only this upload is affected. Choose a smaller model or input."


@dataclass(frozen=True)
class Bounds:
    """What one check may take."""

    seconds: float = 420.0  # From start to end. A V2-B0 at 224 px takes about 60 on two cores.
    resident: int = 6 * GIB  # Bytes in memory. That V2-B0 needs 2 GiB, a ResNet-152 about 4.
    address_space: int = 24 * GIB  # bytes; TensorFlow reserves far more than it uses
    keep_free: int = KEEP_FREE  # bytes of the disk that it leaves


def refuse_full_disk(folder: Path, bounds: Bounds) -> None:
    """Refuses to go on where a disk has too little left. Raises ModelError if there is less."""
    if shutil.disk_usage(folder).free < bounds.keep_free:
        raise ModelError(
            f"Less than {fmt.size(bounds.keep_free)} of the disk are left: the check was stopped.",
            "Free some space, or choose a smaller model.",
        )


def run(folder: Path, bounds: Bounds, on_step: Callable[[tuple[Step, ...]], None]) -> None:
    """Runs the check of a prepared folder, with ``in/``, ``out/`` and ``scratch/``, to its end.

    ``on_step`` is told all steps so far about ten times a second, and may raise to stop it. Raises
    ModelError if it took too much or crashed, EngineError if it cannot be started.
    """
    log = folder / "log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "effq_core.intake.worker", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder / steps.SCRATCH,
                env=_environment(folder / steps.SCRATCH),
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"The checking process cannot be started: {error}.") from error
    try:
        _watch(process, folder / steps.OUT, bounds, on_step)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and so has all it started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    on_step(steps.read(folder / steps.OUT))
    if process.returncode != 0:
        raise ModelError(
            f"The checking process crashed ({_exit(process.returncode)}) while it was reading "
            "this file.",
            "Only this upload is affected. Save the model again with model.save('model.keras').",
        )


def _watch(
    process: subprocess.Popen[bytes],
    out: Path,
    bounds: Bounds,
    on_step: Callable[[tuple[Step, ...]], None],
) -> None:
    begun, read_to, found = time.monotonic(), -1, tuple[Step, ...]()
    while process.poll() is None:
        size = _size(out / steps.STEPS_FILE)
        if size != read_to:
            read_to, found = size, steps.read(out)
        on_step(found)
        if time.monotonic() - begun > bounds.seconds:
            raise ModelError(
                f"The check took longer than {fmt.duration(bounds.seconds)} and was stopped.",
                _SMALLER,
            )
        if _resident(process.pid) > bounds.resident:
            raise ModelError(
                f"The model needs more than {fmt.size(bounds.resident)} of memory to be checked.",
                _SMALLER,
            )
        refuse_full_disk(out, bounds)
        time.sleep(_TICK)


def _resident(pid: int) -> int:
    try:
        first = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (first, *first.children(recursive=True)))
    except psutil.Error:
        return 0


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _environment(scratch: Path) -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}
    return {
        **WORKER_ENVIRONMENT,
        **kept,
        **{"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": package},
        **dict.fromkeys(("PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER"), "1"),
        **dict.fromkeys(_OWN_FOLDERS, str(scratch)),
        **{"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    }
