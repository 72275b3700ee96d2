"""The index over runs: what was asked for, how far it is, what happened."""

import json
import shutil
import sqlite3
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from effq_core.base.errors import DamagedIndexError, InputError, StoreError
from effq_core.base.files import write_json
from effq_core.base.run_ids import new_run_id, validate_run_id
from effq_core.experiment import Experiment
from effq_core.jobs.process import Process, is_alive
from effq_core.store.connection import Connection
from effq_core.store.rows import EventRow, RunRow, StageRow, StageState, Status
from effq_core.store.runfiles import RUN_FILE, read_run_files, stages_to_import, write_stages

_STAGE_COLUMNS = tuple(StageRow.__dataclass_fields__)
_SETTABLE = frozenset(RunRow.__dataclass_fields__) - {"id", "experiment", "fingerprint", "created"}


class Database:
    """The SQLite index of one ``EFFQ_HOME``; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = Connection(path)
        self.runs = path.parent / "runs"
        if self._connection.is_new:
            # Somebody removed the index, or it was cut to nothing: the runs' own files know.
            self.import_run_files()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """Reads the whole file, or raises DamagedIndexError, or StoreError if it cannot be read."""
        for row in self._connection.select("PRAGMA quick_check"):
            if row[0] != "ok":
                raise DamagedIndexError(
                    f"The database {self.path} is damaged ({row[0]}).",
                    "Run `effq doctor --repair`: it rebuilds the database from the artifacts.",
                )

    # Runs

    def create_run(self, experiment: Experiment, name: str = "") -> str:
        """Adds a run, queued, and returns its id."""
        while True:
            now = time.time()
            run = RunRow(
                id=new_run_id(now),
                name=name,
                experiment=experiment.to_dict(),
                fingerprint=experiment.fingerprint(),
                status=Status.QUEUED,
                created=now,
            )
            if self.insert_run(run):
                self.write_run_file(run)
                return run.id

    def insert_run(self, run: RunRow) -> bool:
        """Adds a run unless its id exists; says whether it did."""
        values = asdict(run) | {"experiment": json.dumps(run.experiment)}
        with self._connection.transaction() as sql:
            added = sql.execute(
                f"INSERT OR IGNORE INTO runs ({', '.join(values)}) "  # noqa: S608 - fixed names
                f"VALUES ({', '.join(':' + key for key in values)})",
                values,
            )
            return added.rowcount == 1

    def get_run(self, run_id: str) -> RunRow:
        """Looks a run up; its status is ``interrupted`` if its driver has died."""
        validate_run_id(run_id)
        rows = self._connection.select("SELECT * FROM runs WHERE id=?", (run_id,))
        if not rows:
            raise InputError(f"There is no run {run_id}.", "`effq runs` lists all runs.")
        return self._settle(row_to_run(rows[0]))

    def list_runs(self, limit: int | None = None) -> list[RunRow]:
        """Returns the latest runs, newest first; where the driver has died, as ``interrupted``."""
        rows = self._connection.select(
            "SELECT * FROM runs ORDER BY created DESC, id DESC LIMIT ?",
            (-1 if limit is None else limit,),  # SQLite's word for all
        )
        return [self._settle(row_to_run(row)) for row in rows]

    def _settle(self, run: RunRow) -> RunRow:
        """Marks a run whose driver died without saying so."""
        if (
            not run.status.is_active
            or run.driver_pid is None
            or is_alive(run.driver_pid, run.driver_started)
        ):
            return run
        now = time.time()
        with self._connection.transaction() as sql:
            # Only if nothing changed since it was read: the driver may just have ended well.
            changed = sql.execute(
                "UPDATE runs SET status=?, finished=? "
                "WHERE id=? AND status=? AND driver_pid IS ? AND driver_started IS ?",
                (Status.INTERRUPTED, now, run.id, run.status, run.driver_pid, run.driver_started),
            ).rowcount
            if changed:
                sql.execute(
                    "UPDATE stages SET state=?, detail='' WHERE run_id=? AND state=?",
                    (StageState.PENDING, run.id, StageState.RUNNING),
                )
        if changed:
            return replace(run, status=Status.INTERRUPTED, finished=now)
        return row_to_run(self._connection.select("SELECT * FROM runs WHERE id=?", (run.id,))[0])

    def delete_run(self, run_id: str) -> None:
        """Removes a run and its events, not artifacts; raises InputError if none or active."""
        run = self.get_run(run_id)
        if run.status.is_active and run.driver_pid is not None:
            raise InputError(f"The run {run_id} is {run.status}.", "Cancel it first.")
        with self._connection.transaction() as sql:
            sql.execute("DELETE FROM runs WHERE id=?", (run_id,))
        shutil.rmtree(self.runs / run_id, ignore_errors=True)

    def plan_stages(self, run_id: str, stages: list[StageRow]) -> None:
        """Replaces the stages of a run, and keeps beside the index what they make."""
        write_stages(self.runs / run_id, stages)
        self.upsert_stages(stages, only=True)

    def import_run_files(self) -> int:
        """Adds the runs with a file of their own that the index lacks; returns how many."""
        added = 0
        for run in read_run_files(self.runs):
            if self.insert_run(run):
                added += 1
                self.import_stages(run.id, stages_to_import(run, self.runs / run.id))
        return added

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
            given |= {"_status": seen.status, "_pid": seen.driver_pid}
            given["_started"] = seen.driver_started
        with self._connection.transaction() as sql:
            changed = sql.execute(
                f"UPDATE runs SET {', '.join(f'{key}=:{key}' for key in values)} "  # noqa: S608
                f"WHERE {where}",
                given,
            ).rowcount
            row = sql.execute("SELECT * FROM runs WHERE id=?", (run_id,)).fetchone()
        if row is None:
            raise StoreError(f"The run {run_id} was deleted.", "`effq runs` lists all runs.")
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

    # Stages and events

    def upsert_stages(self, stages: list[StageRow], *, only: bool = False) -> None:
        """Adds or replaces several stages at once; with ``only`` the run's others go."""
        with self._connection.transaction() as sql:
            if only and stages:
                sql.execute("DELETE FROM stages WHERE run_id=?", (stages[0].run_id,))
            _insert(sql, stages)

    def import_stages(self, run_id: str, stages: list[StageRow]) -> None:
        """Adds the stages of a run that has none in the index."""
        with self._connection.transaction() as sql:
            # Its driver may just have come and said it better.
            has_some = sql.execute("SELECT 1 FROM stages WHERE run_id=? LIMIT 1", (run_id,))
            if not has_some.fetchone():
                _insert(sql, stages)

    def stages(self, run_id: str) -> list[StageRow]:
        """Returns a run's stages in the plan's order."""
        rows = self._connection.select(
            "SELECT * FROM stages WHERE run_id=? ORDER BY position", (run_id,)
        )
        return [StageRow(**{**dict(row), "state": StageState(row["state"])}) for row in rows]

    def stage_keys(self) -> dict[str, set[tuple[str, str]]]:
        """Returns kind and fingerprint of every stage, by run."""
        found: dict[str, set[tuple[str, str]]] = {}
        for row in self._connection.select("SELECT run_id, kind, fingerprint FROM stages"):
            found.setdefault(row["run_id"], set()).add((row["kind"], row["fingerprint"]))
        return found

    def uses(self, kind: str, fingerprint: str) -> bool:
        """Returns whether a stage of any run has this artifact."""
        sql = "SELECT 1 FROM stages WHERE fingerprint=? AND kind=? LIMIT 1"
        return bool(self._connection.select(sql, (fingerprint, kind)))

    def add_event(self, run_id: str, kind: str, stage: str = "", /, **values: Any) -> EventRow:
        """Records something that happened."""
        now, text = time.time(), json.dumps(values)
        with self._connection.transaction() as sql:
            (last,) = sql.execute(
                "SELECT COALESCE(MAX(seq), 0) FROM events WHERE run_id=?", (run_id,)
            ).fetchone()
            sql.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, last + 1, now, kind, stage, text),
            )
        return EventRow(
            run_id=run_id, seq=last + 1, time=now, kind=kind, stage=stage, values=values
        )

    def events_after(self, run_id: str, seq: int = 0, limit: int = 10_000) -> list[EventRow]:
        """Returns a run's events after that number, in order."""
        rows = self._connection.select(
            "SELECT * FROM events WHERE run_id=? AND seq>? ORDER BY seq LIMIT ?",
            (run_id, seq, limit),
        )
        return [EventRow(**{**dict(row), "values": json.loads(row["values"])}) for row in rows]


def row_to_run(row: sqlite3.Row) -> RunRow:
    """Returns a row of the index as a value."""
    plain = dict(row)
    plain["experiment"] = json.loads(plain["experiment"])
    plain["status"] = Status(plain["status"])
    return RunRow(**plain)


def _insert(sql: sqlite3.Connection, stages: list[StageRow]) -> None:
    names = ", ".join(_STAGE_COLUMNS)
    marks = ", ".join(f":{name}" for name in _STAGE_COLUMNS)
    sql.executemany(
        f"INSERT OR REPLACE INTO stages ({names}) VALUES ({marks})",  # noqa: S608
        [asdict(stage) for stage in stages],
    )
