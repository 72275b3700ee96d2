"""The files a fine-tuning resumes from: whole and as they were written, or not used at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effq_core.store.manifest import hash_file

HISTORY = "history.json"


def keep(folder: Path, rows: list[dict[str, Any]], files: Iterable[Path]) -> None:
    """Makes files, written already, the folder's checkpoint at once, and removes all others."""
    hashes = {path.name: hash_file(path) for path in files}
    temporary = folder / f"{HISTORY}.tmp"
    temporary.write_text(json.dumps({"epochs": rows, "files": hashes}), encoding="utf-8")
    temporary.replace(folder / HISTORY)
    for path in folder.iterdir():
        if path.name not in hashes and path.name != HISTORY:
            path.unlink()


def kept(folder: Path) -> list[dict[str, Any]] | None:
    """Reads the epochs so far; a damaged checkpoint is removed, and ``None`` returned."""
    if not (folder / HISTORY).is_file():
        return []
    try:
        plain = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = plain["epochs"]
        hashes = plain["files"].items()
        whole = all(hash_file(folder / name) == sha256 for name, sha256 in hashes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if whole:
        return rows
    shutil.rmtree(folder)
    return None
