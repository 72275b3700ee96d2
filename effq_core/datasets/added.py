"""The folders of photos people have added to the list of datasets.

They are kept in one small file of the store. It holds paths and counts only: adding copies nothing
and removing deletes no photo.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from effq_core.datasets.folder import FolderDataset
from effq_core.datasets.roots import FOLDER_PREFIX, VARIABLE, Roots
from effq_core.errors import DatasetError, StoreError
from effq_core.settings import Home
from effq_core.store.files import read_json, write_json
from effq_core.store.locks import FileLock

_FILE = "folders.json"
_LOCK = ".folders.lock"


@dataclass(frozen=True, kw_only=True)
class AddedFolder:
    """A folder in the list, with what was in it when it was added.

    Attributes:
        path: The folder, absolute and resolved.
        images: Image files.
        classes: Classes; 0 when unlabelled.
        bytes: Size of the images.
        added: Seconds since 1970.
    """

    path: str
    images: int
    classes: int
    bytes: int
    added: float

    @property
    def id(self) -> str:
        """Identifier an experiment names it by."""
        return f"{FOLDER_PREFIX}{self.path}"

    @property
    def title(self) -> str:
        """Name for people."""
        return Path(self.path).name or self.path


def added_folders(home: Home) -> tuple[AddedFolder, ...]:
    """Lists the folders that were added, in that order.

    Args:
        home: The store.

    Returns:
        The folders; whether they are still there is not looked at.

    Raises:
        StoreError: If the list is damaged.
    """
    path = home.root / _FILE
    if not path.exists():
        return ()
    try:
        return tuple(AddedFolder(**entry) for entry in (read_json(path) or {})["folders"])
    except (KeyError, TypeError) as error:
        raise StoreError(
            f"The list of added folders {path} is damaged ({error!r}).",
            "Delete this file and add the folders again; no photo is lost.",
        ) from error


def add_folder(home: Home, roots: Roots, path: Path | str) -> AddedFolder:
    """Adds a folder to the list of datasets, or counts one again that is in it.

    Args:
        home: The store.
        roots: What may be added.
        path: The folder, below one of them.

    Returns:
        The folder as it is in the list now.

    Raises:
        DatasetError: If it lies outside of the roots, links out of them, or cannot be used.
        StoreError: If the list is damaged or cannot be written.
    """
    dataset = FolderDataset(roots.require(path))
    refuse_links_outside(dataset, roots)
    new = AddedFolder(
        path=str(dataset.root),
        images=len(dataset.files),
        classes=len(dataset.class_names),
        bytes=dataset.bytes_on_disk,
        added=time.time(),
    )
    with _changing(home) as folders:
        folders[new.path] = new
    return new


def forget_folder(home: Home, dataset_id: str) -> None:
    """Takes a folder off the list; the folder and its photos stay as they are.

    Args:
        home: The store.
        dataset_id: Its identifier, ``folder:`` and the path.

    Raises:
        DatasetError: If it is not in the list.
        StoreError: If the list is damaged or cannot be written.
    """
    with _changing(home) as folders:
        if folders.pop(dataset_id.removeprefix(FOLDER_PREFIX), None) is None:
            raise DatasetError(f"{dataset_id} is not in the list.", "It may have been removed.")


def refuse_links_outside(dataset: FolderDataset, roots: Roots) -> None:
    """Makes sure that no photo of a folder is a link to one that must not be shown.

    Args:
        dataset: The folder, as listed.
        roots: What may be shown.

    Raises:
        DatasetError: If a photo, or a folder on the way to it, leads outside.
    """
    folders: dict[Path, bool] = {}
    outside = []
    for file in dataset.files:
        path = dataset.root / file.key
        if path.parent not in folders:
            folders[path.parent] = roots.allowed(path.parent)
        if not folders[path.parent] or (path.is_symlink() and not roots.allowed(path)):
            outside.append(file.key)
    if outside:
        some = ", ".join(outside[:3]) + (", …" if len(outside) > 3 else "")
        raise DatasetError(
            f"{len(outside):,} photos of {dataset.root} are links to other places: {some}.",
            f"Copy them into the folder, or name where they lead in {VARIABLE} as well.",
        )


@contextmanager
def _changing(home: Home) -> Iterator[dict[str, AddedFolder]]:
    """Gives the list by path and writes it back; one process at a time."""
    with FileLock(home.root / _LOCK):
        folders = {folder.path: folder for folder in added_folders(home)}
        yield folders
        rows: list[dict[str, Any]] = [asdict(folder) for folder in folders.values()]
        write_json(home.root / _FILE, {"folders": rows})


def is_there(folder: AddedFolder) -> bool:
    """Returns whether the folder can be read now."""
    return Path(folder.path).is_dir() and os.access(folder.path, os.R_OK | os.X_OK)
