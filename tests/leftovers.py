"""Processes that tests leave behind: each has the store it belongs to in its environment."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_PATIENCE = 10.0


def processes_of(folder: Path) -> list[psutil.Process]:
    """Finds processes that were started for a store, or one below a folder, even if it is gone."""
    found = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("EFFQ_HOME")
            # Ends with the process it belongs to, and not before.
            if "multiprocessing.resource_tracker" in " ".join(process.cmdline()):
                continue
        except psutil.Error:  # it has ended, or is somebody else's
            continue
        if home and process.pid != os.getpid() and folder in (Path(home), *Path(home).parents):
            found.append(process)
    return found


def end_processes(folder: Path) -> list[int]:
    """Ends the processes of a store, or of all below a folder, and waits until they are gone.

    Args:
        folder: A store, or such as the temporary folder of a test session.

    Returns:
        Numbers of those that were there.
    """
    found = processes_of(folder)
    numbers = {process.pid for process in found}
    for process in found:
        # An engine ends its worker itself, which would otherwise be taken for a crash.
        if process.ppid() not in numbers:
            process.terminate()
    _, alive = psutil.wait_procs(found, _PATIENCE)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, _PATIENCE)
    return sorted(numbers)
