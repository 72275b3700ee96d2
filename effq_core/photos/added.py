"""The folders of photos people have added to the list of datasets."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from effq_core.base.errors import DatasetError, StoreError
from effq_core.base.files import read_json, write_json
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.photos.preview import FolderPreview
from effq_core.photos.roots import Roots, folder_id, folder_title

_FILE = "folders.json"
_LOCK = ".folders.lock"


@dataclass(frozen=True, kw_only=True)
class AddedFolder:
    """A folder in the list, with what was in it when it was added."""

    path: str
    images: int
    classes: int  # classes; 0 when unlabelled
    bytes: int
    added: float  # seconds since 1970
    one_down: bool = False  # whether the folders in its folders are the classes

    @property
    def id(self) -> str:
        """Identifier an experiment names it by."""
        return folder_id(self.path, one_down=self.one_down)

    @property
    def title(self) -> str:
        """Name for people."""
        return folder_title(Path(self.path), one_down=self.one_down)


def added_folders(home: Home) -> tuple[AddedFolder, ...]:
    """Lists the folders that were added, in that order, whether they are still there or not."""
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


def add_folder(home: Home, roots: Roots, preview: FolderPreview) -> AddedFolder:
    """Adds or recounts a folder; DatasetError: outside of the roots, gone, or of one class only."""
    if preview.nested and not preview.one_down and len(preview.classes) == 1:
        raise DatasetError(
            f"{preview.path} has one class only: {preview.classes[0].name}.",
            f"{preview.nested.choice()}, or add a folder for a second class.",
        )
    new = AddedFolder(
        path=str(roots.require(preview.path)),
        images=preview.images,
        classes=len(preview.classes),
        bytes=preview.bytes,
        added=time.time(),
        one_down=preview.one_down,
    )
    with _changing(home) as folders:
        folders[new.id] = new
    return new


def forget_folder(home: Home, dataset_id: str) -> None:
    """Takes a folder off the list; the folder and its photos stay as they are."""
    with _changing(home) as folders:
        if folders.pop(dataset_id, None) is None:
            raise DatasetError(f"{dataset_id} is not in the list.", "It may have been removed.")


@contextmanager
def _changing(home: Home) -> Iterator[dict[str, AddedFolder]]:
    """Gives the list by identifier and writes it back; one process at a time."""
    with FileLock(home.root / _LOCK):
        folders = {folder.id: folder for folder in added_folders(home)}
        yield folders
        write_json(home.root / _FILE, {"folders": [asdict(each) for each in folders.values()]})


def is_there(folder: AddedFolder) -> bool:
    """Returns whether the folder can be read now."""
    return Path(folder.path).is_dir() and os.access(folder.path, os.R_OK | os.X_OK)
