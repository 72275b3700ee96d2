"""What takes up space in the store, and which runs use it: they share most artifacts."""

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from effq_core.base.files import store_error
from effq_core.base.settings import Home
from effq_core.jobs import held_folder
from effq_core.store.artifacts import QUARANTINE
from effq_core.store.database import Database
from effq_core.store.manifest import GONE, MANIFEST
from effq_core.store.rows import RunRow, Status
from effq_core.store.runfiles import read_stages

REPORT = "report"  # kind of the artifact that ends a run and names all others
_UNPACKING = ".unpacking-*"
ADDING = ".adding-"  # begins the names of folders whose photos somebody is still deciding about
ABANDONED_SECONDS = 3600.0
_FINGERPRINT_LENGTH = 64
Key = tuple[str, str]  # kind of stage and fingerprint: what names an artifact


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Bytes on disk of the store's parts."""

    artifacts: int
    unused: int  # those of them, and leftovers beside them, that no run uses
    datasets: int  # downloaded photos, partial downloads included
    models: int
    other: int  # the index, lists, logs and work in progress
    free: int

    @property
    def total(self) -> int:
        """All of the store."""
        return self.artifacts + self.datasets + self.models + self.other


@dataclass
class Inventory:
    """The artifacts there are and the runs that use them, at one moment."""

    sizes: dict[Key, int] = field(default_factory=dict)  # bytes of each artifact, also one begun
    users: dict[Key, set[str]] = field(default_factory=dict)  # ids of runs that use an artifact
    by_run: dict[str, set[Key]] = field(default_factory=dict)
    planning: list[str] = field(default_factory=list)  # runs begun that have not said what they use
    unknown: list[str] = field(default_factory=list)  # runs of which nobody knows what they use

    def run_bytes(self, run_id: str) -> int:
        """Returns the bytes of everything a run uses, shared or not."""
        return sum(self.sizes.get(key, 0) for key in self.by_run.get(run_id, ()))

    def own_bytes(self, run_id: str) -> int:
        """Returns the bytes that only this run uses."""
        return sum(
            self.sizes.get(key, 0)
            for key in self.by_run.get(run_id, ())
            if self.users[key] == {run_id}
        )

    @property
    def unused(self) -> list[Key]:
        """The artifacts no run uses."""
        return [key for key in self.sizes if not self.users.get(key)]


def take_inventory(home: Home, database: Database) -> Inventory:
    """Looks at every artifact and every run, or raises StoreError where it cannot."""
    found = Inventory(sizes=_sizes(home))
    stages = database.stage_keys()
    for run in database.list_runs():
        keys = set(stages.get(run.id, ()))
        if not keys and run.results is not None:
            # A run that a repair has brought back has results but no list of stages.
            keys = _with_inputs(home, (REPORT, run.results))
        if not keys:
            planned = _planned(home, run)
            keys = planned or set()
            if not keys and run.status.is_active and run.driver_pid is not None:
                found.planning.append(run.id)
            elif planned is None:
                found.unknown.append(run.id)
        found.by_run[run.id] = keys
        for key in keys:
            found.users.setdefault(key, set()).add(run.id)
    return found


def usage(home: Home, inventory: Inventory) -> Usage:
    """Adds up what the store takes."""
    parts = (home.artifacts, home.datasets, home.models)
    artifacts, models = tree_size(home.artifacts), tree_size(home.models)
    others = [path for path in _children(home.root) if path not in parts]
    place = home.root if home.root.exists() else Path(home.root.anchor)
    return Usage(
        artifacts=artifacts,
        unused=sum(map(inventory.sizes.__getitem__, inventory.unused))
        + sum(map(tree_size, leftovers(home))),
        datasets=sum(map(_dataset_size, _children(home.datasets))),
        models=models,
        other=sum(map(tree_size, others)),
        free=shutil.disk_usage(place).free,
    )


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _dataset_size(path: Path) -> int:
    if path.name.startswith(".") or not path.is_dir():
        return tree_size(path)  # in the making
    # A dataset appears whole and never changes, and may hold a hundred thousand photos.
    return settled_size(path)


def settled_size(path: Path) -> int:
    """Returns the bytes of a downloaded dataset, looked at once."""
    return _size_at(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _size_at(path: Path, _changed: int) -> int:
    return tree_size(path)


def tree_size(path: Path) -> int:
    """Returns the bytes of a file or of all files below a folder; links are not followed."""
    total = 0
    waiting = [os.fspath(path)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except NotADirectoryError:
            total += path.lstat().st_size
        except OSError:  # a running process has just removed it
            continue
    return total


def _sizes(home: Home) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for root in (home.artifacts, home.scratch):
        for path in root.glob("[a-z]*/*"):
            if len(path.name) == _FINGERPRINT_LENGTH and path.is_dir():
                key = (path.parent.name, path.name)
                found[key] = found.get(key, 0) + tree_size(path)
    return found


def _planned(home: Home, run: RunRow) -> set[Key] | None:
    """Returns what a run's own file says that it uses; ``None`` where that was lost."""
    stages = read_stages(run, home.runs / run.id)
    if stages is None:
        return None
    if not stages and run.status is Status.INTERRUPTED and run.driver_pid is None:
        return None  # as a repair leaves it: one whose driver died has a process number
    return {(stage.kind, stage.fingerprint) for stage in stages}


def _with_inputs(home: Home, last: Key) -> set[Key]:
    found: set[Key] = set()
    waiting = [last]
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        waiting += _inputs(home.artifacts.joinpath(*key, MANIFEST))
    return found


def _inputs(manifest: Path) -> list[Key]:
    try:
        named = json.loads(manifest.read_bytes())["inputs"]["inputs"]
        return [(each["stage"], each["fingerprint"]) for each in named.values()]
    except (*GONE, AttributeError, KeyError, TypeError, ValueError):
        return []  # not a manifest this version wrote: it names no inputs we know
    except OSError as error:  # what it names must not be taken for unused
        raise store_error(error, manifest) from error


def abandoned_drafts(home: Home) -> list[Path]:
    """Returns photos whose unpacking or adding was killed."""
    old = time.time() - ABANDONED_SECONDS
    found = [path for path in home.datasets.glob(_UNPACKING) if path.stat().st_mtime < old]
    return found + held_folder.abandoned(home.datasets.glob(f"{ADDING}*"))


def leftovers(home: Home) -> list[Path]:
    """Returns artifacts set aside as damaged, and photos whose unpacking was killed."""
    quarantine = home.artifacts / QUARANTINE
    return [*abandoned_drafts(home), *(quarantine.iterdir() if quarantine.is_dir() else ())]
