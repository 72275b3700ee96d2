"""The artifact store: finished outputs of stages, each appearing whole or not at all."""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from effq_core.base import files
from effq_core.base.errors import StoreError
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.jobs import held_folder
from effq_core.jobs.held_folder import HeldFolder
from effq_core.store import manifest
from effq_core.store.manifest import Artifact

PREFIX = ".tmp-"
LOCKS = ".locks"


class Draft(HeldFolder):
    """An artifact that is being made: a temporary folder to write files into, beside its place."""

    def __init__(self, root: Path, target: Path) -> None:
        path = target.with_name(f"{PREFIX}{target.name}-{uuid.uuid4().hex[:12]}")
        super().__init__(path, _guard(root), mode=0o777)
        self.summary: dict[str, Any] = {}
        self.artifact: Artifact | None = None

    def __fspath__(self) -> str:
        return str(self.path)


def _guard(root: Path) -> Path:
    return root / LOCKS / "housekeeping"


def sweep(root: Path, pattern: str) -> list[Path]:
    """Removes drafts of a pattern whose makers are dead, and returns their paths."""
    return held_folder.sweep(root, pattern, _guard(root))


log = logging.getLogger(__name__)
QUARANTINE = ".quarantine"  # folder of artifacts that were set aside as damaged


class ArtifactStore:
    """The artifacts below one ``EFFQ_HOME``."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.root = home.artifacts
        self._warnings: list[str] = []

    def path(self, stage: str, fingerprint: str) -> Path:
        """Returns where an artifact is, or would be."""
        manifest.check_name(stage, fingerprint)
        return self.root / stage / fingerprint

    def take_warnings(self) -> list[str]:
        """Returns what was found wrong since the last call, for the run's events."""
        found, self._warnings = self._warnings, []
        return found

    def find(self, stage: str, fingerprint: str) -> Artifact | None:
        """Looks a finished artifact up by names and sizes; a damaged one is set aside."""
        path = self.path(stage, fingerprint)
        try:
            if not path.is_dir():
                return None
            return manifest.read_manifest(path)
        except OSError as error:
            raise files.store_error(error, path) from error
        except StoreError as error:
            self.quarantine(path, error.message)
            return None

    def exists(self, stage: str, fingerprint: str) -> bool:
        """Tells cheaply whether an artifact seems to be there; :meth:`find` decides."""
        return (self.path(stage, fingerprint) / manifest.MANIFEST).is_file()

    def verify(self, artifact: Artifact) -> list[str]:
        """Says of each file whether its hash differs; raises StoreError if one is unreadable."""
        problems = []
        for entry in artifact.files:
            file = artifact.path / entry.path
            try:
                if manifest.hash_file(file) != entry.sha256:
                    problems.append(f"{file} is not what was written: its hash differs.")
            except manifest.GONE:
                problems.append(f"{file} is missing.")
            except OSError as error:
                raise files.store_error(error, file) from error
        return problems

    def quarantine(self, path: Path, reason: str) -> None:
        """Sets a damaged artifact aside, so that the next run makes it again."""
        target = self.root / QUARANTINE / f"{path.parent.name}-{path.name}-{uuid.uuid4().hex[:8]}"
        files.make_folder(target.parent)
        # Someone else may have moved it already, which is as good.
        with files.store_errors(path), contextlib.suppress(FileNotFoundError):
            path.rename(target)
        warning = f"{reason} It was moved to {target} and is made again."
        log.warning(warning)
        self._warnings.append(warning)

    @contextlib.contextmanager
    def lock(
        self, stage: str, fingerprint: str, on_wait: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Lets one process at a time make an artifact; ``on_wait`` may raise meanwhile."""
        manifest.check_name(stage, fingerprint)
        lock = FileLock(self.root / LOCKS / f"{stage}-{fingerprint}", disposable=True)
        lock.acquire(on_wait=on_wait)
        with lock:
            self.sweep(stage, fingerprint)
            yield

    @contextlib.contextmanager
    def create(
        self,
        stage: str,
        fingerprint: str,
        inputs: dict[str, Any],
        versions: dict[str, str] | None = None,
    ) -> Iterator[Draft]:
        """Makes an artifact: write into the draft, and it appears when the block ends well.

        The draft's ``artifact`` is then the finished one, by whoever was first. ``inputs`` are JSON
        values for the manifest. Raises StoreError if the disk is full or not writable.
        """
        target = self.path(stage, fingerprint)
        started = time.monotonic()
        with Draft(self.root, target) as draft:
            try:
                yield draft
            except OSError as error:
                if files.is_store_fault(error):
                    raise files.store_error(error, draft.path) from error
                raise
            with files.store_errors(target):
                artifact = Artifact(
                    path=target,
                    stage=stage,
                    fingerprint=fingerprint,
                    created=time.time(),
                    inputs=inputs,
                    summary=draft.summary,
                    files=manifest.seal(draft.path),
                    versions=versions or manifest.library_versions(),
                    seconds=time.monotonic() - started,
                )
                manifest.write_manifest(draft.path, artifact)
                draft.artifact = self._publish(draft.path, artifact)

    def _publish(self, temporary: Path, artifact: Artifact) -> Artifact:
        for _ in range(3):
            try:
                temporary.rename(artifact.path)
            except OSError:
                theirs = self.find(artifact.stage, artifact.fingerprint)
                if theirs is not None:  # the same inputs give the same output: keep the first
                    return theirs
                if artifact.path.exists():
                    raise
            else:
                files.sync_folder(artifact.path.parent)
                return artifact
        temporary.rename(artifact.path)
        return artifact

    def sweep(self, stage: str = "*", fingerprint: str = "") -> list[Path]:
        """Removes temporary folders whose makers are dead: all, of one kind, or of an artifact."""
        return sweep(self.root, f"{stage}/{PREFIX}{fingerprint}*")

    def names(self) -> list[tuple[str, str]]:
        """Returns stage and fingerprint of every artifact there seems to be."""
        with files.store_errors(self.root):
            return [
                (path.parent.name, path.name)
                for path in sorted(self.root.glob("[a-z]*/*"))
                if len(path.name) == 64 and path.is_dir()
            ]

    def list_all(self) -> list[Artifact]:
        """Returns every whole artifact, oldest first; damaged ones are set aside."""
        found = [self.find(*name) for name in self.names()]
        return sorted((each for each in found if each is not None), key=lambda each: each.created)

    def delete(self, stage: str, fingerprint: str) -> None:
        """Removes an artifact; harmless where there is none."""
        path = self.path(stage, fingerprint)
        # Renamed first, so that nobody meets half of it.
        hidden = path.with_name(f"{PREFIX}{path.name}-deleted-{uuid.uuid4().hex[:8]}")
        with files.store_errors(path), contextlib.suppress(FileNotFoundError):
            path.rename(hidden)
            files.remove_tree(hidden)
