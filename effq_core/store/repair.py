"""Rebuilding the index from what the runs and artifacts say about themselves."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from effq_core.base.errors import DamagedIndexError, ExperimentError, StoreError
from effq_core.base.files import is_unfinished, remove_file, remove_tree, store_errors
from effq_core.base.locks import is_locked
from effq_core.base.run_ids import new_run_id
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.files import JobFiles
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import Artifact
from effq_core.store.rows import RunRow, Status
from effq_core.store.runfiles import RESERVE
from effq_core.store.usage import ABANDONED_SECONDS, REPORT, abandoned_drafts


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What a repair has done."""

    moved: Path | None  # where the damaged index went; ``None`` if it was sound
    runs: int  # runs added to the index
    artifacts: int  # whole artifacts
    quarantined: tuple[str, ...]  # one sentence for each damaged artifact that was set aside
    unreadable: tuple[str, ...]  # what was said of each artifact left as it is
    swept: int  # temporary files, drafts and checkpoints that were removed


def rebuild(database: Path, store: ArtifactStore) -> Repair:
    """Verifies every artifact's hashes and makes an index that knows every run."""
    moved = _move_if_damaged(database)
    swept = len(store.sweep()) + _sweep_abandoned(store.home)
    artifacts, unreadable = _verified(store)
    swept += sum(_sweep_scratch(store, artifact) for artifact in artifacts)
    with Database(database) as index:
        # A new index has imported the runs' files when it was opened.
        added = index.import_run_files() + (len(index.list_runs()) if moved else 0)
        known = {run.results for run in index.list_runs()}
        for artifact in artifacts:
            if artifact.stage == REPORT and artifact.fingerprint not in known:
                run = _run_of(artifact)
                added += run is not None and index.insert_run(run)
    n, aside = len(artifacts), tuple(store.take_warnings())
    return Repair(
        moved=moved, runs=added, artifacts=n, quarantined=aside, unreadable=unreadable, swept=swept
    )


def _verified(store: ArtifactStore) -> tuple[list[Artifact], tuple[str, ...]]:
    found, unreadable = [], []
    for name in store.names():
        try:
            artifact = store.find(*name)
            problems = store.verify(artifact) if artifact is not None else []
        except StoreError as error:
            unreadable.append(f"{error.message} It was left as it is.")
            continue
        if artifact is None:
            continue
        if problems:
            store.quarantine(artifact.path, " ".join(problems))
        else:
            found.append(artifact)
    return found, tuple(unreadable)


def _sweep_abandoned(home: Home) -> int:
    """Removes drafts of photos nobody holds, and small files that never got their names."""
    abandoned = abandoned_drafts(home)
    for path in abandoned:
        remove_tree(path)
    old, found = time.time() - ABANDONED_SECONDS, len(abandoned)
    for top in (home.root, home.engine, home.runs, home.device_timings, home.datasets, home.models):
        for pattern in (".*", "*/.*", "own*/*/.*"):
            for path in top.glob(pattern):
                with store_errors(path), contextlib.suppress(FileNotFoundError):
                    if is_unfinished(path) and path.lstat().st_mtime < old:
                        path.unlink()
                        found += 1
    for reserve in home.runs.glob(f"*/{RESERVE}"):
        if not is_locked(JobFiles.in_folder(reserve.parent).lock):
            remove_file(reserve)
            found += 1
    return found


def _sweep_scratch(store: ArtifactStore, artifact: Artifact) -> int:
    scratch = store.home.scratch / artifact.stage / artifact.fingerprint
    if not scratch.exists():
        return 0
    remove_tree(scratch)
    return 1


def _is_damaged(database: Path) -> bool:
    try:
        with Database(database) as index:
            index.check()
    except DamagedIndexError:
        return True
    return False


def _move_if_damaged(database: Path) -> Path | None:
    if not _is_damaged(database):
        return None
    _refuse_while_running(database.parent / "runs")
    target = database.with_name(f"{database.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    with store_errors(database):
        database.rename(target)
        for suffix in ("-wal", "-shm"):  # they belong to the damaged file
            side = database.with_name(database.name + suffix)
            if side.exists():
                side.rename(target.with_name(target.name + suffix))
    return target


def _refuse_while_running(runs: Path) -> None:
    """A driver would go on writing into the index that is moved aside, and its run be lost."""
    for files in map(JobFiles.in_folder, sorted(runs.glob("*"))):
        if is_locked(files.lock):
            raise StoreError(
                f"The index is damaged, but the run {files.folder.name} still goes on.",
                f"Wait until it has ended, or cancel it (`touch {files.cancel}`), then repair.",
            )


def _run_of(report: Artifact) -> RunRow | None:
    params = report.inputs.get("params", {})
    plain = report.summary.get("experiment") or params.get("experiment")
    try:
        experiment = Experiment.from_dict(plain)
    except (ExperimentError, TypeError):
        return None
    return RunRow(
        # Made from the artifact, so that repairing twice does not add it twice.
        id=new_run_id(report.created, report.fingerprint[:4]),
        name="recovered",
        experiment=experiment.to_dict(),
        fingerprint=experiment.fingerprint(),
        status=Status.FINISHED,
        created=report.created,
        finished=report.created,
        results=report.fingerprint,
    )
