"""Where the runs in the index are, and who may change that."""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effq_core.base.errors import StoreError
from effq_core.base.files import write_json
from effq_core.base.run_ids import validate_run_id
from effq_core.jobs.process import Process, is_alive
from effq_core.store.connection import Connection
from effq_core.store.journal import Journal
from effq_core.store.rows import RunRow, Status
from effq_core.store.runfiles import RUN_FILE

_SETTABLE = frozenset(RunRow.__dataclass_fields__) - {"id", "experiment", "fingerprint", "created"}


class RunStates(Journal):
    """Statuses of runs and the processes that drive them."""

    def __init__(self, connection: Connection, runs: Path) -> None:
        super().__init__(connection)
        self.runs = runs

    def set_status(self, run_id: str, status: Status, **values: Any) -> RunRow:
        """Changes a run's status, and other columns of its row with it."""
        return self._set_status(validate_run_id(run_id), status, values)[0]

    def change_status(self, seen: RunRow, status: Status, **values: Any) -> tuple[RunRow, bool]:
        """Changes a run's status unless somebody else has; returns the row, and whether it did."""
        return self._set_status(seen.id, status, values, seen)

    def _set_status(
        self, run_id: str, status: Status, values: dict[str, Any], seen: RunRow | None = None
    ) -> tuple[RunRow, bool]:
        unknown = set(values) - _SETTABLE
        if unknown:
            raise StoreError(f"A run has no column {', '.join(sorted(unknown))} to set.")
        values = values | {"status": status}
        where, given = "id=:_id", values | {"_id": run_id}
        if seen is not None:
            where += " AND status=:_status AND driver_pid IS :_pid AND driver_started IS :_started"
            given |= {
                "_status": seen.status,
                "_pid": seen.driver_pid,
                "_started": seen.driver_started,
            }
        with self._connection.transaction() as sql:
            changed = sql.execute(
                f"UPDATE runs SET {', '.join(f'{key}=:{key}' for key in values)} "  # noqa: S608
                f"WHERE {where}",
                given,
            ).rowcount
            row = sql.execute("SELECT * FROM runs WHERE id=?", (run_id,)).fetchone()
        if row is None:
            raise StoreError(f"The run {run_id} was deleted.", "`effq runs` lists the runs.")
        run = row_to_run(row)
        if changed and not status.is_active:
            self.write_run_file(run)
        return run, bool(changed)

    def set_driver(self, run_id: str, process: Process) -> None:
        """Notes which process works on a run."""
        with self._connection.transaction() as sql:
            held = sql.execute(
                "SELECT driver_pid, driver_started FROM runs WHERE id=?", (validate_run_id(run_id),)
            ).fetchone()
            if held is not None and is_alive(*held):
                return  # two starters met: the one that works on it stays
            sql.execute(
                "UPDATE runs SET driver_pid=?, driver_started=? WHERE id=?",
                (*process, validate_run_id(run_id)),
            )

    def write_run_file(self, run: RunRow) -> None:
        """Keeps beside the index what a rebuild needs."""
        write_json(self.runs / run.id / RUN_FILE, asdict(run))


def row_to_run(row: sqlite3.Row) -> RunRow:
    """Returns a row of the index as a value."""
    plain = dict(row)
    plain["experiment"] = json.loads(plain["experiment"])
    plain["status"] = Status(plain["status"])
    return RunRow(**plain)
