"""A store with runs that share some artifacts, for tests of what is used and freed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.process import process_token
from effq_core.pipeline.progress import Progress
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import Plan, StageSpec
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.repair import rebuild
from effq_core.store.rows import StageRow, Status
from effq_core.store.usage import Key, take_inventory

SIZES = {"pixels": 40_000, "convert": 3_000, "evaluate": 500, "report": 200}


def key(kind: str, number: int) -> Key:
    return (kind, f"{number:064x}")


def alive() -> dict[str, Any]:
    return {"driver_pid": os.getpid(), "driver_started": process_token(os.getpid())}


class Shop:
    """A store with runs that share some artifacts."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.database = Database(home.database)
        self.store = ArtifactStore(home)

    def artifact(self, made: Key, inputs: Iterable[Key] = ()) -> Key:
        named = {
            f"input{number}": {"stage": stage, "fingerprint": fingerprint}
            for number, (stage, fingerprint) in enumerate(inputs)
        }
        if not self.store.path(*made).exists():
            with self.store.create(*made, {"inputs": named}) as draft:
                (draft.path / "data").write_bytes(b"x" * SIZES[made[0]])
        return made

    def run(self, *keys: Key, status: Status = Status.FINISHED, **values: Any) -> str:
        run_id = self.database.create_run(Experiment())
        self.database.upsert_stages(
            [
                StageRow(run_id=run_id, name=f"{kind}:{place}", kind=kind, fingerprint=fingerprint)
                for place, (kind, fingerprint) in enumerate(keys)
            ]
        )
        self.database.set_status(run_id, status, **values)
        return run_id

    def planned(self, *keys: Key) -> str:
        """A run whose driver has just said what its stages make."""
        run_id = self.database.create_run(Experiment())
        names = {f"{made[0]}:{place}": made for place, made in enumerate(keys)}
        plan = Plan(
            StageSpec(name=name, stage=replace(get_stage("kept:gone"), kind=made[0]))
            for name, made in names.items()
        )
        progress = Progress(self.database, self.database.get_run(run_id), None)
        progress.plan(plan, {name: made[1] for name, made in names.items()}, set())
        return run_id

    def lose_index(self) -> None:
        self.database.close()
        self.home.database.write_bytes(b"no database" * 999)
        assert rebuild(self.home.database, self.store).moved is not None
        self.database = Database(self.home.database)

    def inventory(self) -> Any:
        return take_inventory(self.home, self.database)

    def there(self) -> set[Key]:
        return {(each.stage, each.fingerprint) for each in self.store.list_all()}
