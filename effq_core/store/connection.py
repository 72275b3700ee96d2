"""A SQLite file that several processes write to, and what can go wrong with it."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from effq_core.base.errors import DamagedIndexError, StoreError
from effq_core.base.files import make_folder

SCHEMA_VERSION = 1
_BUSY_SECONDS = 15

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, experiment TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status TEXT NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
    error TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
    driver_pid INTEGER, driver_started TEXT, results TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS stages (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, kind TEXT NOT NULL, fingerprint TEXT NOT NULL,
    position INTEGER NOT NULL, state TEXT NOT NULL, weight REAL NOT NULL,
    started REAL, finished REAL, done INTEGER NOT NULL, total INTEGER NOT NULL,
    unit TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) STRICT;
CREATE TABLE IF NOT EXISTS events (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, stage TEXT NOT NULL,
    "values" TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT;
"""


def database_error(error: sqlite3.Error, path: Path) -> StoreError:
    """Turns SQLite's error into one with a way out."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreError(
            f"The database {path} is held by another process.", "Try again in a moment."
        )
    if "disk is full" in text or "disk I/O" in text:
        return StoreError(
            f"The database {path} cannot be written ({text}).",
            "Free some space or set EFFQ_HOME to a folder on a larger disk, then run again.",
        )
    if isinstance(error, sqlite3.IntegrityError):
        return StoreError(f"The database {path} has no such run ({text}).", "It was deleted.")
    if "unable to open" in text or "readonly" in text:
        return StoreError(
            f"The database {path} cannot be opened for writing ({text}).",
            "Set EFFQ_HOME to a folder that you can write to.",
        )
    return DamagedIndexError(
        f"The database {path} is damaged ({text}).",
        "Run `effq doctor --repair`: it rebuilds the database from the artifacts, which are safe.",
    )


class Connection:
    """One connection, shared by the threads of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        make_folder(path.parent)
        try:
            self._sqlite = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._sqlite.close()
                raise
        except sqlite3.Error as error:
            raise database_error(error, path) from error

    def _prepare(self) -> None:
        self._sqlite.row_factory = sqlite3.Row
        self._use_write_ahead_log()
        for pragma in (
            # Safe against a killed process; a power failure may lose the last progress only.
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            self._sqlite.execute(f"PRAGMA {pragma}")
        (version,) = self._sqlite.execute("PRAGMA user_version").fetchone()
        self.is_new = version == 0
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"The database {self.path} was written by a newer EffQ (schema {version}).",
                "Update EffQ, or set EFFQ_HOME to another folder.",
            )
        if self.is_new:
            self._sqlite.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
            )

    def _use_write_ahead_log(self) -> None:
        """Switches modes; two first openers may meet, and SQLite does not wait for that lock."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._sqlite.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Writes all of a block or nothing; raises StoreError if it is damaged, full or held."""
        with self._lock:
            try:
                self._sqlite.execute("BEGIN IMMEDIATE")
                try:
                    yield self._sqlite
                except BaseException:
                    if self._sqlite.in_transaction:
                        self._sqlite.execute("ROLLBACK")
                    raise
                self._sqlite.execute("COMMIT")
            except sqlite3.Error as error:
                if self._sqlite.in_transaction:
                    self._sqlite.execute("ROLLBACK")
                raise database_error(error, self.path) from error

    def select(self, sql: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Reads rows."""
        with self._lock:
            try:
                return self._sqlite.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise database_error(error, self.path) from error

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._sqlite.close()
