"""The file each run keeps beside the index, so that the index can be rebuilt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effq_core.errors import InputError
from effq_core.store.files import read_json
from effq_core.store.rows import RunRow, Status, validate_run_id

RUN_FILE = "run.json"


def read_run_files(folder: Path) -> list[RunRow]:
    """Reads the files of all runs; unreadable ones are left out.

    Args:
        folder: ``runs/`` of the store.

    Returns:
        The rows; a run that was active is ``interrupted``.
    """
    found = []
    for path in sorted(folder.glob(f"*/{RUN_FILE}")):
        plain = read_json(path) or {}
        try:
            run = RunRow(**{**plain, "status": Status(plain.get("status", ""))})
            if validate_run_id(run.id) != path.parent.name:
                continue
        except (TypeError, ValueError, InputError):
            continue
        if run.status.is_active:
            # Nothing works on it any more, as far as this file knows.
            run = replace(run, status=Status.INTERRUPTED, driver_pid=None, driver_started=None)
        found.append(run)
    return found
