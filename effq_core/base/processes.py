"""Whether a process somebody wrote down is still the same one, and alive."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]


def process_token(pid: int) -> str | None:
    """Identifies one life of a process, so that a reused number is not taken for it.

    Args:
        pid: The process.

    Returns:
        A text that changes with the process's start; ``None`` if it is dead or a zombie.
    """
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
    """Lets a process outlive us, and collects it if it does not, so that no zombie stays.

    Args:
        process: The process.
    """
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
