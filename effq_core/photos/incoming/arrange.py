"""Putting photos somebody has decided on into the folders of a dataset."""

import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from effq_core.base.files import make_folder, store_errors, write_json
from effq_core.photos.incoming.preview import Photo, Preview
from effq_core.photos.own_photos import DESCRIPTION, PHOTOS, OwnPhotos, slug_of


def arrange(
    source: Path, ready: Path, photos: Sequence[Photo], preview: Preview, title: str
) -> OwnPhotos:
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
            target = ready.joinpath(PHOTOS, *parts)
            make_folder(target.parent)
            (source / photo.path).rename(target)
            digest.update(f"{'/'.join(parts)}\0{photo.sha256}\n".encode())
        used = {photo.label for photo in photos}
        about = OwnPhotos(
            slug=slug_of(title),
            title=title,
            classes={
                folders[number]: name
                for number, name in enumerate(preview.class_names)
                if number in used
            },
            photos=len(photos),
            bytes=sum(photo.bytes for photo in photos),
            content=digest.hexdigest(),
            skipped=len(preview.skipped) + len(preview.photos) - len(photos),
            labels_from=preview.labels_from.value,
            added=time.time(),
        )
        write_json(ready / DESCRIPTION, about.to_dict())
    return about


def _readable(text: str) -> str:
    """Keeps of a name what every file system takes and nothing can be hidden in."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)[:40].strip("._") or "x"
