"""How far the stages of a run are, and what happened in it."""

import json
import sqlite3
import time
from dataclasses import asdict
from typing import Any

from effq_core.store.connection import Connection
from effq_core.store.rows import EventRow, StageRow, StageState

_STAGE_COLUMNS = tuple(StageRow.__dataclass_fields__)


class Journal:
    """Stages and events of runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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


def _insert(sql: sqlite3.Connection, stages: list[StageRow]) -> None:
    names = ", ".join(_STAGE_COLUMNS)
    marks = ", ".join(f":{name}" for name in _STAGE_COLUMNS)
    sql.executemany(
        f"INSERT OR REPLACE INTO stages ({names}) VALUES ({marks})",  # noqa: S608
        [asdict(stage) for stage in stages],
    )
