"""Listing the photos of a folder by its layout: splits, class folders, or neither."""

import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.photos.decode import EXTENSIONS
from effq_core.photos.index import TRAIN, VAL, Skipped
from effq_core.photos.walk import walk

_SHARE = 0.9  # of photos one level deeper: then the lower folders may be the classes
_MOST_NAMED = 3


@dataclass(frozen=True)
class Nested:
    """What is known where most photos lie one folder deeper than a class has to."""

    above: tuple[str, ...]  # names of the upper folders
    below: tuple[str, ...]  # names of the folders in them, each once
    shared: tuple[str, ...]  # those that several upper folders have

    def warning(self, *, one_down: bool) -> str:
        """Says what is taken as classes, and what may be meant; empty where nothing else may."""
        if one_down:
            same = f"Folders of the same name are one class: {_named(self.shared)}."
            return same if self.shared else ""
        if len(self.above) == 1:
            return (
                f"The upper folder is one class only: {self.above[0]}."
                f" Its photos lie one level down: {_named(self.below)}."
            )
        return (
            f"The upper folders are taken as classes: {_named(self.above)}."
            f" Their photos lie one level down: {_named(self.below)}."
        )

    def choice(self) -> str:
        """Names what one can switch to."""
        return f"Use the {fmt.counted(len(self.below), 'folder')} one level down as classes"


def find_nested(paths: Iterable[Sequence[str]]) -> Nested | None:
    """Finds folders in class folders by ``paths`` below the dataset; ``None``: few, or one name."""
    inside = [path for path in paths if len(path) > 1]
    pairs = {(path[0], path[1]) for path in inside if len(path) > 2}
    below = [name for _, name in sorted(pairs)]
    names = tuple(sorted(set(below)))
    deep = sum(len(path) > 2 for path in inside)
    if len(names) < 2 or deep < _SHARE * len(inside):
        return None
    above = tuple(sorted({name for name, _ in pairs}))
    return Nested(above, names, tuple(name for name in names if below.count(name) > 1))


def _named(names: Sequence[str]) -> str:
    return fmt.some(names, _MOST_NAMED)


EVALUATION_FOLDERS = ("val", "validation", "valid", "test")  # the first present counts

UNDECODED_EXTENSIONS = frozenset(
    (".heic", ".heif", ".jxl", ".svg", ".eps", ".psd", ".dng", ".cr2", ".nef", ".arw")
)
"""Images by name that are not decoded: they are reported, not silently left out."""


@dataclass(frozen=True)
class FolderFile:
    """One image file as listed, before its content was looked at."""

    key: str
    folder: str | None
    split: str | None
    size: int
    mtime_ns: int


@dataclass
class Listing:
    """What a folder holds."""

    files: list[FolderFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)  # what was left out by name or place alone
    nested: Nested | None = None  # folders that may be meant as classes, if any


def list_photos(root: Path, *, one_down: bool = False) -> Listing:
    """Lists the images below a folder, by its layout; may raise DatasetError."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DatasetError(f"The folder {root} {what}.", "Check the path.")
    listing = Listing()
    try:
        entries = _entries(root)
        bases = _split_folders([entry for entry in entries if entry.is_dir()])
    except OSError as error:
        raise DatasetError(
            f"The folder {root} cannot be read: {error.strerror}.",
            "Give yourself permission to read it, or choose another folder.",
        ) from error
    for entry in entries if bases else ():
        if entry not in bases and (entry.is_dir() or _is_image(entry, listing, root)):
            named = " and ".join(f"{base.name}/" for base in bases)
            listing.skipped.append(Skipped(_key(entry, root), f"outside {named}"))
    _sort_into_classes(root, bases, listing, one_down=one_down)
    return listing


def _sort_into_classes(
    root: Path, bases: dict[Path, str | None], listing: Listing, *, one_down: bool
) -> None:
    # A split is one only where there are both sides of it.
    splits = bases if len(bases) == 2 else dict.fromkeys(bases)
    top = sorted(bases)
    paths: list[tuple[str, ...]] = []
    direct: list[FolderFile] = []

    def inside(folder: Path) -> list[Path]:
        return top if top and folder == root else _readable_entries(folder, root, listing)

    def leave_out(path: Path, reason: str) -> None:
        listing.skipped.append(Skipped(_key(path, root), reason))

    def class_of(parts: tuple[str, ...]) -> tuple[str, ...]:
        above, below = parts[: bool(top)], parts[bool(top) :]
        # A folder above the classes is none of them: every path to it counts.
        return (*above, below[one_down]) if len(below) > one_down else (*parts, "")

    for path in walk(root, inside, leave_out, class_of):
        if not _is_image(path, listing, root):
            continue
        parts = path.relative_to(root).parts
        split = splits.get(root / parts[0])
        parts = parts[bool(top) :]
        paths.append(parts)
        if len(parts) > 1 + one_down:
            _add(listing.files, path, root, parts[one_down], split, listing)
        else:
            _add(direct, path, root, None, split, listing)
    listing.nested = find_nested(paths)
    if listing.files:
        listing.skipped += [Skipped(file.key, "outside any class folder") for file in direct]
    elif one_down and direct:
        raise DatasetError(
            f"The folders in {root} hold no folders with photos.",
            "Take the upper folders as classes, without --one-level-down.",
        )
    else:
        listing.files = direct


def _split_folders(folders: list[Path]) -> dict[Path, str | None]:
    by_name = {folder.name.lower(): folder for folder in folders}
    train = by_name.get(TRAIN)
    val = next((by_name[name] for name in EVALUATION_FOLDERS if name in by_name), None)
    if train and val:
        return {train: TRAIN, val: VAL}
    only = train or val
    if only is None:
        return {}
    # "train" beside "bus" and "car" is a class of vehicles, not a split.
    is_split = len(folders) == 1 or any(entry.is_dir() for entry in _entries(only))
    return {only: None} if is_split else {}


def _entries(folder: Path) -> list[Path]:
    hidden = (".", "__MACOSX")
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(hidden))


def _readable_entries(folder: Path, root: Path, listing: Listing) -> list[Path]:
    try:
        return _entries(folder)
    except OSError as error:
        reason = f"folder cannot be read: {error.strerror}"
        listing.skipped.append(Skipped(_key(folder, root), reason))
        return []


def _is_image(path: Path, listing: Listing, root: Path) -> bool:
    extension = path.suffix.lower()
    if extension in UNDECODED_EXTENSIONS:
        reason = f"{extension} is not supported; convert it to JPEG or PNG"
        listing.skipped.append(Skipped(_key(path, root), reason))
    return extension in EXTENSIONS


def _add(
    files: list[FolderFile],
    path: Path,
    root: Path,
    folder: str | None,
    split: str | None,
    listing: Listing,
) -> None:
    key = _key(path, root)
    try:
        key.encode()
        status = path.stat()
    except UnicodeEncodeError:
        readable = key.encode("utf-8", "backslashreplace").decode()
        listing.skipped.append(Skipped(readable, "its name is not valid UTF-8; rename it"))
    except OSError as error:
        listing.skipped.append(Skipped(key, f"cannot be read: {error.strerror}"))
    else:
        if not stat.S_ISREG(status.st_mode):
            listing.skipped.append(Skipped(key, "not a plain file"))
            return
        files.append(FolderFile(key, folder, split, status.st_size, status.st_mtime_ns))


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
