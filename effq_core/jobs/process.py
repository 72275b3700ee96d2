"""Processes that outlive who started them, and whether one is still the same, and alive."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

from effq_core.base.files import store_errors


class Process(NamedTuple):
    """A process as somebody writes it down."""

    pid: int
    token: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Returns the process that has a number now; where it has just died, one that is dead."""
        return cls(pid, process_token(pid) or "dead")

    @classmethod
    def own(cls) -> Process:
        """Returns this process."""
        return cls.of(os.getpid())


def spawn(
    arguments: list[str], log: Path, environment: dict[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts a Python process that outlives this one, in a session of its own; see `reap_later`."""
    with store_errors(log), log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=cwd,
            start_new_session=True,  # it survives the dashboard and Ctrl-C
        )


def process_token(pid: int) -> str | None:
    """Returns what tells a process from a later one of its number; ``None`` if dead or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        # Kernel ticks since boot: unlike a time of day they do not move when the clock is set.
        state, *rest = stat.read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return None if state in "ZX" else f"{boot}:{rest[18]}"
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return str(process.create_time())
    except psutil.Error:
        return None


def is_alive(pid: int | None, token: str | None) -> bool:
    """Returns whether the process that had this number and token still runs."""
    return pid is not None and token is not None and process_token(pid) == token


def reap_later(process: subprocess.Popen[bytes]) -> None:
    """Lets a process outlive us, and collects it if it does not, so that no zombie stays."""
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
