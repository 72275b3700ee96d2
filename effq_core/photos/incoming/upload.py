"""From what somebody gave to a dataset: look at it, decide, add it. Nothing else is left."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.base.files import make_folder, remove_tree, store_errors, sync_folder, write_json
from effq_core.base.reporting import Reporter, SilentReporter
from effq_core.base.settings import Home
from effq_core.photos import own_photos
from effq_core.photos.incoming.draft import Draft
from effq_core.photos.incoming.found import shown
from effq_core.photos.incoming.isolated import look_apart
from effq_core.photos.incoming.limits import KEEP_FREE, MAX_CSV_BYTES, OWNERS, VISITORS, Limits
from effq_core.photos.incoming.preview import Photo, Preview
from effq_core.photos.incoming.worker import LABELS


def arrange(
    source: Path, ready: Path, photos: Sequence[Photo], preview: Preview, title: str
) -> own_photos.OwnPhotos:
    """Moves photos to what will be the dataset's folder, and writes its description there."""
    folders = {
        number: f"{number:04d}-{_readable(name)}" for number, name in enumerate(preview.class_names)
    }
    digest = hashlib.sha256()
    with store_errors(ready):
        for number, photo in enumerate(photos):
            parts = [photo.split] if photo.split else []
            parts += [] if photo.label is None else [folders[photo.label]]
            last = PurePosixPath(photo.name.rpartition("/")[2])
            parts += [f"{number:06d}-{_readable(last.stem)}{last.suffix.casefold()}"]
            target = ready.joinpath(own_photos.PHOTOS, *parts)
            make_folder(target.parent)
            (source / photo.path).rename(target)
            digest.update(f"{'/'.join(parts)}\0{photo.sha256}\n".encode())
        used = {photo.label for photo in photos}
        classes = {folders[n]: name for n, name in enumerate(preview.class_names) if n in used}
        about = own_photos.OwnPhotos(
            slug=own_photos.slug_of(title),
            title=title,
            classes=classes,
            photos=len(photos),
            bytes=sum(photo.bytes for photo in photos),
            content=digest.hexdigest(),
            skipped=len(preview.skipped) + len(preview.photos) - len(photos),
            labels_from=preview.labels_from.value,
            added=time.time(),
        )
        write_json(ready / own_photos.DESCRIPTION, about.to_dict())
    return about


def _readable(text: str) -> str:
    """Keeps of a name what every file system takes and nothing can be hidden in."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)[:40].strip("._") or "x"


_ZIP = ".zip"
_CSV = ".csv"
_READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Photos somebody is deciding about; they are gone when this is closed or forgotten."""

    draft: Draft
    preview: Preview
    suggested: str
    request: dict[str, Any]  # what was given, as the worker is told
    limits: Limits

    def close(self) -> None:
        """Gives them up."""
        self.draft.close()

    def with_classes(self, *, one_down: bool, reporter: Reporter | None = None) -> Upload:
        """Takes other folders as classes; raises DatasetError, and changes nothing, if unusable."""
        request = {**self.request, "one_down": one_down}
        preview = look_apart(self.draft, request, self.limits, reporter or SilentReporter())
        return replace(self, preview=preview, request=request)

    def add(self, home: Home, title: str, *, drop_lookalikes: bool = False) -> own_photos.OwnPhotos:
        """Makes a dataset of them, or raises DatasetError or StoreError and makes none."""
        title = own_photos.check_title(title)
        if not self.draft.is_open:
            raise DatasetError("The photos are no longer here.", "Give them once more.")
        target = own_photos.place_for(home, title)
        preview = self.preview
        photos = preview.without_lookalikes() if drop_lookalikes else preview.photos
        if len({photo.label for photo in photos}) < min(2, len(preview.class_names)):
            raise DatasetError("Without look-alikes, photos of one class are left.", "Keep them.")
        ready = self.draft.path / _READY
        try:
            about = arrange(self.draft.photos, ready, photos, preview, title)
            os.sync()  # everything a rename shows is on the disk before it
            with store_errors(target):
                try:
                    ready.rename(target)
                except OSError:
                    own_photos.place_for(
                        home, title
                    )  # somebody was quicker, which has a message of its own
                    raise
                sync_folder(target.parent)
        except BaseException:
            # The photos may have been moved in part, so that adding again could not find them.
            self.close()
            raise
        self.close()
        return about


def look_at_files(
    home: Home,
    files: Sequence[tuple[str, bytes]],
    reporter: Reporter | None = None,
    limits: Limits = VISITORS,
) -> Upload:
    """Looks at what a browser sent: one zip, or photos; and with either, a list of labels."""
    lists = [file for file in files if _extension(file[0]) == _CSV]
    zips = [file for file in files if _extension(file[0]) == _ZIP]
    photos = [file for file in files if _extension(file[0]) not in (_CSV, _ZIP)]
    _check_given(len(zips), len(photos), [len(content) for _, content in lists])
    size = sum(len(content) for _, content in files)
    if size > limits.given_bytes or len(files) > limits.entries:
        raise DatasetError(
            f"There are {fmt.size(size)} in {fmt.counted(len(files), 'file')}.",
            f"At most {fmt.size(limits.given_bytes)} are taken at a time: give fewer or smaller"
            " photos.",
        )
    draft = Draft(home)
    try:
        _refuse_full_disk(draft.path, size)
        with store_errors(draft.path):
            for _, content in lists:
                (draft.path / LABELS).write_bytes(content)
            for number, (_, content) in enumerate(zips or photos):
                (draft.given / f"{number:06d}").write_bytes(content)
        request: dict[str, Any] = {
            "kind": "zip" if zips else "files",
            "source": str(draft.given / f"{0:06d}"),
            "names": [name for name, _ in photos],
            "labels": shown(lists[0][0]) if lists else "",
            "one_down": False,
        }
        name = zips[0][0] if zips else "My photos"
        return _looked(draft, request, limits, reporter, name)
    except BaseException:
        draft.close()
        raise


def look_at_path(
    home: Home,
    path: Path,
    labels: Path | None = None,
    reporter: Reporter | None = None,
    limits: Limits = OWNERS,
    *,
    one_down: bool = False,
) -> Upload:
    """Looks at a zip or a folder on this machine; nothing in it is changed."""
    path = path.expanduser().absolute()
    if not path.is_dir() and not path.is_file():
        raise DatasetError(f"{path} does not exist.", "Give a zip or a folder of photos.")
    content = None if labels is None else _read_list(labels)
    draft = Draft(home)
    try:
        if content is not None:
            with store_errors(draft.path):
                (draft.path / LABELS).write_bytes(content)
        request: dict[str, Any] = {
            "kind": "folder" if path.is_dir() else "zip",
            "source": str(path),
            "names": [],
            "labels": "" if labels is None else shown(labels.name),
            "one_down": one_down,
        }
        return _looked(draft, request, limits, reporter, path.name)
    except BaseException:
        draft.close()
        raise


def _looked(
    draft: Draft, request: dict[str, Any], limits: Limits, reporter: Reporter | None, name: str
) -> Upload:
    preview = look_apart(draft, request, limits, reporter or SilentReporter())
    remove_tree(draft.given)
    return Upload(
        draft=draft, preview=preview, suggested=_suggestion(name), request=request, limits=limits
    )


def _check_given(zips: int, photos: int, lists: list[int]) -> None:
    if not zips and not photos:
        raise DatasetError("No photos were given.", "Give a zip, or several photos.")
    if zips and (zips > 1 or photos):
        raise DatasetError(
            f"{fmt.counted(zips, 'zip')} and {fmt.counted(photos, 'photo')} were given at once.",
            "Give one zip, or photos without a zip.",
        )
    if len(lists) > 1 or any(size > MAX_CSV_BYTES for size in lists):
        raise DatasetError(
            f"{fmt.counted(len(lists), 'list')} of labels with {fmt.size(sum(lists))} were given.",
            f"Give one of at most {fmt.size(MAX_CSV_BYTES)}.",
        )


def _refuse_full_disk(path: Path, size: int) -> None:
    if shutil.disk_usage(path).free < size + KEEP_FREE:
        raise DatasetError(
            "There is not enough space on this machine's disk for the photos.",
            "Free some space, or give fewer photos.",
        )


def _read_list(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise DatasetError(
                f"{path} has {fmt.size(path.stat().st_size)}.",
                f"A list of labels may have at most {fmt.size(MAX_CSV_BYTES)}.",
            )
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror}.", "Check the path of the list of labels."
        ) from error


def _suggestion(name: str) -> str:
    stem = shown(name).replace("\\", "/").rpartition("/")[2]
    stem = re.sub(r"[_\s]+", " ", stem.removesuffix(_ZIP).removesuffix(".ZIP")).strip()
    return stem[:40].strip() or "My photos"


def _extension(name: str) -> str:
    return PurePosixPath(name.casefold()).suffix
