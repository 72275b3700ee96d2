"""The manifest: what a finished artifact says about itself."""

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from effq_core import __version__
from effq_core.base.errors import StoreError
from effq_core.base.files import sync_folder

MODEL_FILE = "model.tflite"
LABELS_FILE = "labels.txt"
WEIGHTS_FILE = "weights.npz"
HISTORY_FILE = "history.json"
INDEX_FILE = "index.json"
LOOKALIKES_FILE = "lookalikes.json"
ACCURACY_FILE = "accuracy.json"
RESULTS_FILE = "results.json"
FROZEN = "saved_model"
KERAS_FILE = "probabilities.npy"


MANIFEST = "manifest.json"
FORMAT = 1
_STAGE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)  # all else is no damage


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of an artifact."""

    path: str  # relative to the artifact, with forward slashes
    size: int  # bytes
    sha256: str  # hash of the content, 64 hexadecimal digits


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A stage's finished output."""

    path: Path
    stage: str
    fingerprint: str  # hash of everything it depends on
    created: float  # seconds since 1970 when it was finished
    inputs: dict[str, Any]  # parameters and inputs it was made from, as JSON values
    summary: dict[str, Any]  # what the stage returned, as JSON values
    files: tuple[FileEntry, ...]  # its files, the manifest excepted
    versions: dict[str, str]
    seconds: float

    @property
    def size(self) -> int:
        """Bytes of all files, the manifest excepted."""
        return sum(entry.size for entry in self.files)


def check_name(stage: str, fingerprint: str) -> None:
    """Refuses names no path may be built from."""
    if not _STAGE.fullmatch(stage) or not _FINGERPRINT.fullmatch(fingerprint):
        raise StoreError(
            f"{stage!r}/{fingerprint!r} is not the name of an artifact.",
            "A stage is a lower-case word, a fingerprint 64 hexadecimal digits.",
        )


def library_versions(names: tuple[str, ...] = ()) -> dict[str, str]:
    """Returns packages' versions, ``missing`` too, and Python's and EffQ's, importing none."""
    found = {"python": platform.python_version(), "effq": __version__}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def hash_file(path: Path) -> str:
    """Returns the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder in a fixed order, the manifest excepted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            yield path


def seal(folder: Path) -> tuple[FileEntry, ...]:
    """Makes every file of a folder durable and describes it."""
    entries = []
    for path in files_below(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        entries.append(FileEntry(path=name, size=size, sha256=hash_file(path)))
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
    return tuple(entries)


def write_manifest(folder: Path, artifact: Artifact) -> None:
    """Writes a manifest into a folder that is not visible yet, and makes it durable."""
    plain = asdict(artifact) | {"format": FORMAT}
    del plain["path"]
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(plain, file, indent=1, sort_keys=True, allow_nan=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def read_manifest(folder: Path) -> Artifact:
    """Reads and compares names and sizes; StoreError: damaged, OSError: unreadable now."""
    try:
        plain = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if plain.pop("format") != FORMAT:
            raise StoreError(f"{folder} was written by another version of EffQ.")
        entries = tuple(FileEntry(**entry) for entry in plain.pop("files"))
        artifact = Artifact(path=folder, files=entries, **plain)
    except FileNotFoundError:
        raise StoreError(f"{folder} has no manifest.") from None
    except (*GONE, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"The manifest of {folder} is malformed ({error}).") from error
    if (artifact.stage, artifact.fingerprint) != (folder.parent.name, folder.name):
        raise StoreError(f"{folder} holds another artifact's manifest.")
    for entry in artifact.files:
        file = folder / entry.path
        size = file.stat().st_size if file.is_file() else None
        if size != entry.size:
            state = "is missing" if size is None else f"has {size} bytes instead of {entry.size}"
            raise StoreError(f"{file} {state}.")
    return artifact
