"""Artifacts that are being made: temporary folders, known to be in use while their maker lives."""

import uuid
from pathlib import Path
from typing import Any

from effq_core.jobs import held_folder
from effq_core.jobs.held_folder import HeldFolder
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
