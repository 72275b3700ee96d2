"""Deleting runs, and with them what only they used; never what another run needs."""

from collections.abc import Iterable
from dataclasses import dataclass

from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import remove_tree
from effq_core.base.locks import FileLock
from effq_core.base.run_ids import validate_run_id
from effq_core.base.settings import Home
from effq_core.store.artifacts import LOCKS, ArtifactStore
from effq_core.store.database import Database
from effq_core.store.usage import Inventory, Key, leftovers, take_inventory, tree_size


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What deleting some runs would do."""

    runs: tuple[str, ...]
    freed: tuple[Key, ...]  # artifacts that only they use
    freed_bytes: int  # size of these, and of the runs' own files
    shared: tuple[Key, ...]  # artifacts that other runs use as well; they stay
    shared_bytes: int
    shared_with: tuple[str, ...]  # ids of those other runs


def plan_deletion(home: Home, inventory: Inventory, run_ids: Iterable[str]) -> Deletion:
    """Says what deleting runs would free, and what others keep; changes nothing."""
    going = {validate_run_id(run) for run in run_ids}
    freed: list[Key] = []
    shared: list[Key] = []
    others: set[str] = set()
    for key in sorted({key for run in going for key in inventory.by_run.get(run, ())}):
        remaining = inventory.users[key] - going
        others |= remaining
        if key in inventory.sizes:
            (shared if remaining else freed).append(key)
    own_files = sum(tree_size(home.runs / run) for run in going)
    return Deletion(
        runs=tuple(sorted(going)),
        freed=tuple(freed),
        freed_bytes=sum(inventory.sizes[key] for key in freed) + own_files,
        shared=tuple(shared),
        shared_bytes=sum(inventory.sizes[key] for key in shared),
        shared_with=tuple(sorted(others)),
    )


def delete_runs(home: Home, database: Database, run_ids: Iterable[str]) -> int:
    """Deletes runs and what only they used; returns the bytes freed.

    Raises InputError, and deletes none, if one does not exist or is active; StoreError if something
    cannot be removed, or nobody knows what another run uses.
    """
    run_ids = list(run_ids)
    inventory = take_inventory(home, database)
    _refuse_while_unsure(inventory, besides=run_ids)
    deletion = plan_deletion(home, inventory, run_ids)
    for run in deletion.runs:
        row = database.get_run(run)
        if row.status.is_active and row.driver_pid is not None:
            raise InputError(f"The run {run} is {row.status}.", "Cancel it first.")
    freed = 0
    for run in deletion.runs:
        own = tree_size(home.runs / run)
        database.delete_run(run)
        freed += own
    return freed + _free(home, database, deletion.freed)


def free_unused(home: Home, database: Database) -> int:
    """Removes artifacts no run uses and leftovers; returns bytes, or raises StoreError."""
    inventory = take_inventory(home, database)
    _refuse_while_unsure(inventory)
    freed = _free(home, database, inventory.unused)
    ArtifactStore(home).sweep()
    for path in leftovers(home):
        size = tree_size(path)
        remove_tree(path)
        freed += size
    return freed


def _refuse_while_unsure(inventory: Inventory, besides: Iterable[str] = ()) -> None:
    unknown = sorted(set(inventory.unknown) - set(besides))
    if unknown:
        raise StoreError(
            f"The index was rebuilt, and what the run {unknown[0]} has made so far is not known: "
            "it might be freed with the rest.",
            f"Resume or delete it first (`effq resume {unknown[0]}`).",
        )
    if inventory.planning:
        raise StoreError(
            f"The run {inventory.planning[0]} has just started, and what it will use is not "
            "known yet.",
            "Try again in a few seconds.",
        )


def _free(home: Home, database: Database, keys: Iterable[Key]) -> int:
    store = ArtifactStore(home)
    freed = 0
    for stage, fingerprint in keys:
        path = store.path(stage, fingerprint)
        lock = FileLock(home.artifacts / LOCKS / f"{stage}-{fingerprint}", disposable=True)
        if not lock.try_acquire():
            continue
        try:
            if database.uses(stage, fingerprint):
                continue
            scratch = home.scratch / stage / fingerprint
            size = tree_size(path) + tree_size(scratch)
            store.delete(stage, fingerprint)
            if scratch.exists():
                remove_tree(scratch)
            freed += size
        finally:
            lock.release()
    return freed
