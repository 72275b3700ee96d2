"""Stores to break: copies of an undisturbed run's, with some stages' artifacts taken out."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline import engine
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import MANIFEST
from effq_core.store.rows import RunRow, StageRow, Status
from tests.faults.undisturbed import MINUTES, ROOT, Base, Broken, until


@dataclass
class World:
    """One cell's store, and the processes that were started on it.

    Attributes:
        base: What it was copied from.
        home: Its store.
        outside: A folder beside the store, for logs and locks.
        environment: What processes get beside ours.
    """

    base: Base
    home: Home
    outside: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def take_out(self, stages: Iterable[str]) -> None:
        """Removes stages' artifacts, so that a run makes them."""
        for name in stages:
            row = self.base.stages[name]
            shutil.rmtree(self.home.artifacts / row.kind / row.fingerprint, ignore_errors=True)

    def variables(self) -> dict[str, str]:
        """The environment of this world's processes."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT")
        }
        return kept | {
            "EFFQ_HOME": str(self.home.root),
            # The host's locks are here: neither a real run nor another cell may hold this one up.
            "TMPDIR": str(self.outside / "tmp"),
            "EFFQ_ENGINE_IDLE": "60",
            "PYTHONPATH": str(ROOT),
            **self.environment,
        }

    def add_run(self, status: Status = Status.QUEUED, experiment: Experiment | None = None) -> str:
        """Asks for the undisturbed run's experiment once more."""
        database = Database(self.home.database)
        try:
            run_id = database.create_run(experiment or self.base.experiment, "cell")
            if status is not Status.QUEUED:
                database.set_status(run_id, status)
        finally:
            database.close()
        return run_id

    def drive(self, run_id: str) -> subprocess.Popen[bytes]:
        """Starts a driver as the command line does: what it says goes to a file outside."""
        with self.log(run_id).open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "effq_core.cli.job", "run", run_id],
                env=self.variables(),
                cwd=self.outside,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def log(self, run_id: str) -> Path:
        return self.outside / f"driver-{run_id}.log"

    def row(self, run_id: str) -> RunRow:
        database = Database(self.home.database)
        try:
            return database.get_run(run_id)
        finally:
            database.close()

    def stage_rows(self, run_id: str) -> dict[str, StageRow]:
        database = Database(self.home.database)
        try:
            return {row.name: row for row in database.stages(run_id)}
        finally:
            database.close()

    def events(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        database = Database(self.home.database)
        try:
            return [row.values for row in database.events_after(run_id) if row.kind == kind]
        finally:
            database.close()

    def ended(self, process: subprocess.Popen[bytes], seconds: float = 6 * MINUTES) -> int:
        """Waits for a driver, however it ends."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"The driver did not end within {seconds:.0f} s.") from None

    def settled(self, run_id: str, seconds: float = 6 * MINUTES) -> RunRow:
        """Waits until nobody works on a run."""
        return until(
            lambda: row if not (row := self.row(run_id)).status.is_active else None,
            f"The run {run_id} did not end.",
            seconds,
        )

    def draft(self, stage: str) -> Path | None:
        """The temporary folder in which somebody makes a stage's artifact now."""
        row = self.base.stages[stage]
        folder = self.home.artifacts / row.kind
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(f".tmp-{row.fingerprint}-"):
                        return Path(entry.path)
        except FileNotFoundError:
            pass
        return None

    @contextlib.contextmanager
    def held(self, stage: str, deep: bool = True) -> Iterator[Path | None]:
        """Waits until a stage is in the middle of its work, and stops it there while we look.

        Args:
            stage: Its name.
            deep: Wait half of what it took undisturbed, or for a checkpoint; else only for its
                first sign of life.

        Yields:
            The folder its artifact is made in; ``None`` if it has finished before we looked.
        """
        row = self.base.stages[stage]
        final = self.home.artifacts / row.kind / row.fingerprint / MANIFEST
        deadline = time.monotonic() + 5 * MINUTES
        workers: list[int] = []
        looked = 0.0
        while (draft := self.draft(stage)) is None and not final.exists():
            if time.monotonic() > deadline:
                raise Broken(f"The stage {stage} did not begin.")
            if time.monotonic() - looked > 0.3:
                workers, looked = self.workers(), time.monotonic()
            time.sleep(0.0005)
        if draft is not None and deep and row.kind == "finetune":
            checkpoint = self.home.scratch / row.kind / row.fingerprint / "epochs" / "history.json"
            until(checkpoint.exists, "There is no checkpoint.", 9 * MINUTES, poll=0.005)
        elif draft is not None and deep:
            # Not all of it on a machine that is faster now than it was then.
            time.sleep(min(0.5 * self.base.seconds(stage), 3.0))
        _signal(workers, signal.SIGSTOP)
        try:
            yield draft if draft is not None and draft.exists() and not final.exists() else None
        finally:
            _signal(workers, signal.SIGCONT)

    def workers(self) -> list[int]:
        """The engine's worker processes."""
        state = engine.running(self.home)
        if state is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [each.pid for each in psutil.Process(state["pid"]).children(recursive=True)]
        return []

    def worker(self, draft: Path) -> int:
        """The process that has a temporary folder open: the worker that fills it."""
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                for link in Path(f"/proc/{process.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if link.readlink() == draft:
                            return int(process.pid)
        raise Broken(f"Nobody works in {draft}.")

    def engine(self) -> int:
        state = engine.running(self.home)
        if state is None:
            raise Broken("No engine runs.")
        return int(state["pid"])

    def close(self) -> None:
        """Ends what was started here."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        database = self.home.database
        if database.exists():
            with contextlib.suppress(Exception):
                for run in _active(database):
                    os.kill(run, 9)
        engine.stop(self.home, timeout=1.0)


def _signal(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _active(database: Path) -> list[int]:
    index = Database(database)
    try:
        runs = index.list_runs()
    finally:
        index.close()
    return [run.driver_pid for run in runs if run.status.is_active and run.driver_pid]


@contextlib.contextmanager
def world(
    base: Base,
    folder: Path,
    without: Iterable[str],
    *,
    link: bool = True,
    place: Path | None = None,
) -> Iterator[World]:
    """Copies a store without some stages' artifacts, and ends what runs on the copy afterwards.

    Args:
        base: The undisturbed run.
        folder: An empty folder of this cell.
        without: Names of the stages to take out.
        link: Share unchanged files with the base instead of copying them.
        place: Where the store shall be; below ``folder``, where not given.
    """
    (folder / "tmp").mkdir(parents=True)
    root = place or folder / "home"
    missing = {base.folder(stage) for stage in without}
    for row in base.stages.values():
        source = base.home.artifacts / row.kind / row.fingerprint
        target = root / "artifacts" / row.kind / row.fingerprint
        if source not in missing and not target.exists():
            shutil.copytree(source, target, copy_function=os.link if link else shutil.copyfile)
        target.parent.mkdir(parents=True, exist_ok=True)
    for own in ("datasets", "models"):
        if (base.home.root / own).is_dir():
            shutil.copytree(base.home.root / own, root / own)
    made = World(base, Home(root), folder)
    try:
        yield made
    finally:
        made.close()


def make_base(experiment: Experiment, home: Home) -> Base:
    """Runs an experiment undisturbed, in a store of its own."""
    (home.root.parent / "tmp").mkdir(parents=True, exist_ok=True)
    home.root.mkdir(exist_ok=True)
    database = Database(home.database)
    try:
        run_id = database.create_run(experiment, "undisturbed")
    finally:
        database.close()
    nothing = RunRow(
        id=run_id,
        name="",
        experiment=experiment.to_dict(),
        fingerprint="",
        status=Status.QUEUED,
        created=0.0,
    )
    made = World(Base(home, nothing, {}), home, home.root.parent)
    try:
        made.ended(made.drive(run_id), 20 * MINUTES)
    finally:
        made.close()
    ArtifactStore(home).sweep()
    return Base.of(home, run_id)
