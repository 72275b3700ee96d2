"""The folders a served dashboard may show, and nothing outside of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.photos.walk import is_folder

VARIABLE = "EFFQ_DATA_ROOTS"  # lists the folders, separated as ``PATH`` is
MOST_FOLDERS = 300  # sub-folders listed of one folder; nobody scrolls through more
_MOST_ENTRIES = 20_000  # looked at: a folder may hold a million photos
FOLDER_PREFIX = "folder:"  # begins the identifier of a dataset that is a folder
ONE_DOWN = "//one-level-down"  # ends it where classes lie there; no path has ``//``


@dataclass(frozen=True)
class Refused:
    """A part of ``EFFQ_DATA_ROOTS`` that is not used."""

    text: str
    reason: str


@dataclass(frozen=True)
class SubFolders:
    """What a folder picker shows of one folder."""

    path: Path
    names: tuple[str, ...]  # its sub-folders in the order of their names, hidden ones left out
    refused: tuple[str, ...] = ()  # links among them that lead outside, or nowhere
    more: bool = False  # whether there are more sub-folders than are listed


@dataclass(frozen=True)
class Roots:
    """The folders photos may be chosen from."""

    folders: tuple[Path, ...] = ()  # absolute, resolved, existing
    refused: tuple[Refused, ...] = ()  # what was named and cannot be used

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Roots:
        """Reads ``EFFQ_DATA_ROOTS``; what cannot be used is in ``refused``."""
        text = (os.environ if environment is None else environment).get(VARIABLE, "")
        folders: dict[Path, None] = {}
        refused: list[Refused] = []
        for part in filter(None, (part.strip() for part in text.split(os.pathsep))):
            found = _root(part)
            if isinstance(found, Path):
                folders[found] = None
            else:
                refused.append(Refused(part, found))
        return cls(tuple(folders), tuple(refused))

    def with_home(self, home: Home) -> Roots:
        """Returns these roots and the folder of downloaded datasets."""
        return Roots((*self.folders, home.datasets.resolve()), self.refused)

    def root_of(self, path: Path) -> Path | None:
        """Returns the root a resolved path lies below, or is; ``None`` outside of all."""
        below = (root for root in self.folders if path.is_relative_to(root))
        return next((root for root in below if not _is_hidden(path.relative_to(root))), None)

    def allowed(self, path: Path | str) -> bool:
        """Returns whether a path lies below a root, wherever its links lead."""
        resolved = _resolve(path)
        return resolved is not None and self.root_of(resolved) is not None

    def require(self, path: Path | str) -> Path:
        """Resolves a chosen folder, or raises DatasetError, which is alike for all outside."""
        resolved = _resolve(path)
        if resolved is None or self.root_of(resolved) is None:
            raise DatasetError(
                f"{str(path)[:300]!r} is not in a folder that {VARIABLE} names.",
                "Choose a folder from the list; whoever runs this dashboard can add to it.",
            )
        if not _exists(resolved) or not resolved.is_dir():
            what = "is not a folder" if _exists(resolved) else "does not exist"
            raise DatasetError(f"{str(resolved)[:300]} {what}.", "Choose another folder.")
        return resolved

    def sub_folders(self, path: Path | str) -> SubFolders:
        """Lists the folders one can go on to, or raises DatasetError if outside or unreadable."""
        folder = self.require(path)
        names: list[str] = []
        refused: list[str] = []
        more = False
        try:
            with os.scandir(folder) as entries:
                for looked, entry in enumerate(entries):
                    if looked >= _MOST_ENTRIES:
                        more = True
                        break
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink() and not self.allowed(entry.path):
                        refused.append(entry.name)
                    elif is_folder(entry):
                        names.append(entry.name)
        except OSError as error:
            raise DatasetError(
                f"The folder {folder} cannot be read: {error.strerror}.", "Choose another folder."
            ) from error
        names.sort(key=lambda name: (name.casefold(), name))
        more = more or len(names) > MOST_FOLDERS
        return SubFolders(folder, tuple(names[:MOST_FOLDERS]), tuple(sorted(refused)), more)


def folder_id(path: Path | str, *, one_down: bool = False) -> str:
    """Returns the identifier of a dataset that is a folder, perhaps with classes one level down."""
    return f"{FOLDER_PREFIX}{path}{ONE_DOWN * one_down}"


def folder_of_id(dataset_id: str) -> tuple[Path, bool]:
    """Returns the folder an identifier names, and whether its classes lie one level down."""
    path = dataset_id.removeprefix(FOLDER_PREFIX)
    return Path(path.removesuffix(ONE_DOWN)), path.endswith(ONE_DOWN)


def folder_title(path: Path, *, one_down: bool) -> str:
    """Names a folder for people by its own name only: a path is its owner's business."""
    return f"{path.name or path}{', one level down' * one_down}"


def require_allowed(dataset_id: str, home: Home, roots: Roots | None = None) -> str:
    """Checks a dataset chosen in the dashboard before it is opened; may raise DatasetError."""
    if not dataset_id.startswith(FOLDER_PREFIX):
        return dataset_id
    known = (Roots.from_environment() if roots is None else roots).with_home(home)
    path, one_down = folder_of_id(dataset_id)
    return folder_id(known.require(path), one_down=one_down)


def _root(text: str) -> Path | str:
    """Returns a root, or why it is none."""
    path = Path(text).expanduser()
    if not path.is_absolute():
        return "it is not an absolute path"
    resolved = _resolve(path)
    if resolved is None or not _exists(resolved):
        return "it does not exist"
    if not resolved.is_dir():
        return "it is not a folder"
    if not os.access(resolved, os.R_OK | os.X_OK):
        return "it cannot be read"
    return resolved


def _resolve(path: Path | str) -> Path | None:
    """Follows every link; ``None`` for what is no absolute path at all."""
    try:
        given = Path(path)
        return given.resolve() if given.is_absolute() else None
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, a zero byte
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for any disk
        return False


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
