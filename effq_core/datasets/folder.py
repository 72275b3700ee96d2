"""Photos in a folder, in ImageNet's style or without labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from effq_core.datasets.base import TRAIN, VAL, ImageItem
from effq_core.datasets.decode import EXTENSIONS, open_image
from effq_core.datasets.index import Index, Skipped, remove_duplicates
from effq_core.datasets.labels import as_wnid, wordnet_names
from effq_core.errors import DatasetError
from effq_core.reporting import Reporter

EVALUATION_FOLDERS = ("val", "validation", "valid", "test")
"""Names of the evaluation split; the first present counts (ImageNet's ``test`` has no labels)."""

UNDECODED_EXTENSIONS = frozenset(
    (".heic", ".heif", ".jxl", ".svg", ".eps", ".psd", ".dng", ".cr2", ".nef", ".arw")
)
"""Images by name that are not decoded: they are reported, not silently left out."""

_EVERY = 64  # files hashed between two reports


@dataclass(frozen=True)
class FolderFile:
    """One image file as listed, before its content was looked at."""

    key: str
    folder: str | None
    split: str | None
    size: int
    mtime_ns: int


@dataclass
class _Listing:
    files: list[FolderFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class FolderDataset:
    """A folder as it was when this object was made.

    Class folders are named by WordNet id or freely, and lie in ``train/`` and ``val/`` or directly
    in the folder. Images that lie there without class folders are used unlabelled.

    Args:
        root: The folder.
        dataset_id: Identifier; ``folder:`` and the path by default.
        title: Name for people; the folder's name by default.
        licence: Terms of use.
        source: Where the images come from.
        reference_size: Shortest side of the images in pixels, where all have the same.

    Attributes:
        files: Its image files in the order of their keys.
        skipped: What was left out by name or place alone.

    Raises:
        DatasetError: If the folder is missing or unreadable, has no images, or one class only.
    """

    def __init__(
        self,
        root: Path,
        *,
        dataset_id: str | None = None,
        title: str | None = None,
        licence: str = "yours: the folder does not say",
        source: str = "a folder on this computer",
        reference_size: int | None = None,
    ) -> None:
        self.root = root
        self.id = dataset_id or f"folder:{root}"
        self.title = title or root.name
        self.licence = licence
        self.source = source
        self.reference_size = reference_size
        listing = _list(root)
        self.files = tuple(sorted(listing.files, key=lambda file: file.key))
        self.skipped = tuple(listing.skipped)
        if not self.files:
            skipped = f" {len(self.skipped):,} were left out." if self.skipped else ""
            raise DatasetError(
                f"{root} has no images.{skipped}",
                "Put images in it, in one folder for each class, or in train/ and val/ with class"
                f" folders in both. Names end in {', '.join(sorted(EXTENSIONS))}.",
            )
        folders = sorted({file.folder for file in self.files if file.folder is not None})
        if len(folders) == 1:
            raise DatasetError(
                f"{root} has one class only: {folders[0]}.",
                "Add a folder for a second class, or put the images directly into"
                f" {root} to use them unlabelled.",
            )
        self._labels = {name: position for position, name in enumerate(folders)}
        self.wnids = tuple(as_wnid(name) for name in folders)
        names = wordnet_names() if any(self.wnids) else {}
        self.class_names = tuple(names.get(name, name) for name in folders)

    @property
    def bytes_on_disk(self) -> int:
        """Size of all its images in bytes."""
        return sum(file.size for file in self.files)

    def state(self) -> str:
        """Returns a hash over every image's relative path, size and time of modification."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.key}\0{file.size}\0{file.mtime_ns}\n".encode())
        return digest.hexdigest()

    def scan(self, reporter: Reporter) -> Index:
        """Hashes every image and removes duplicates.

        Args:
            reporter: Told about progress; asked whether to stop.

        Returns:
            The images that remain, and what was left out.

        Raises:
            DatasetError: If none remain.
            Cancelled: If the user asked to stop.
        """
        items: list[ImageItem] = []
        skipped = list(self.skipped)
        for done, file in enumerate(self.files):
            if done % _EVERY == 0:
                reporter.check_cancelled()
                reporter.progress(done, len(self.files))
            if file.size == 0:
                skipped.append(Skipped(file.key, "empty file (zero bytes)"))
                continue
            try:
                with (self.root / file.key).open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                skipped.append(Skipped(file.key, f"cannot be read: {error.strerror}"))
                continue
            label = None if file.folder is None else self._labels[file.folder]
            items.append(ImageItem(file.key, label, file.split, content))
        kept, duplicates = remove_duplicates(items)
        reporter.progress(len(self.files), len(self.files))
        if not kept:
            reasons = "; ".join(f"{e.key}: {e.reason}" for e in [*skipped, *duplicates][:3])
            raise DatasetError(
                f"{self.root} has no usable image ({reasons}).", "Replace these images."
            )
        return Index(
            dataset=self.id,
            state=self.state(),
            items=tuple(kept),
            class_names=self.class_names,
            wnids=self.wnids,
            skipped=(*skipped, *duplicates),
        )

    def open(self, item: ImageItem) -> Image.Image:
        """Reads one image.

        Args:
            item: One of the scanned images.

        Returns:
            The loaded image.

        Raises:
            DatasetError: If it is missing, broken, too large or has changed since the scan.
        """
        path = self.root / item.key
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DatasetError(
                f"{item.key} cannot be read: {error.strerror}.",
                f"Check {path}, then run again.",
            ) from error
        if hashlib.sha256(data).hexdigest() != item.sha256:
            # Disjointness and duplicates were checked on the old content.
            raise DatasetError(
                f"{item.key} has changed since the dataset was scanned.", "Run again."
            )
        return open_image(data, item.key)


def _list(root: Path) -> _Listing:
    """Lists the images below a folder, by its layout."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DatasetError(f"The folder {root} {what}.", "Check the path.")
    listing = _Listing()
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
    # A split is one only where there are both sides of it.
    splits = bases if len(bases) == 2 else dict.fromkeys(bases or [root])
    direct: list[FolderFile] = []
    for base, split in splits.items():
        for entry in _readable_entries(base, root, listing):
            if entry.is_dir():
                for path in _walk(entry, root, listing):
                    _add(listing.files, path, root, entry.name, split, listing)
            elif _is_image(entry, listing, root):
                _add(direct, entry, root, None, split, listing)
    if listing.files:
        listing.skipped += [Skipped(file.key, "outside any class folder") for file in direct]
    else:
        listing.files = direct
    return listing


def _split_folders(folders: list[Path]) -> dict[Path, str | None]:
    """Returns the folders of the splits with their names, or nothing if there are none."""
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


def _readable_entries(folder: Path, root: Path, listing: _Listing) -> list[Path]:
    try:
        return _entries(folder)
    except OSError as error:
        reason = f"folder cannot be read: {error.strerror}"
        listing.skipped.append(Skipped(_key(folder, root), reason))
        return []


def _walk(folder: Path, root: Path, listing: _Listing) -> Iterator[Path]:
    """Yields the image files below a class folder, following links but never in a circle."""
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        for entry in _readable_entries(current, root, listing):
            if entry.is_dir():
                waiting.append(entry)
            elif _is_image(entry, listing, root):
                yield entry


def _is_image(path: Path, listing: _Listing, root: Path) -> bool:
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
    listing: _Listing,
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
        files.append(FolderFile(key, folder, split, status.st_size, status.st_mtime_ns))


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
