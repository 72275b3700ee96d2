"""Looking at photos somebody gave: every one is decoded once, before any is stored."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from effq_core.base.errors import DatasetError
from effq_core.base.formatting import counted
from effq_core.base.plain import Plain
from effq_core.photos import lookalikes
from effq_core.photos.decode import open_image, to_square, upright_rgb
from effq_core.photos.incoming.found import Found, FoundFile, shown
from effq_core.photos.incoming.labels import (
    Labelled,
    LabelSource,
    from_folders,
    from_list,
    unlabelled,
)
from effq_core.photos.incoming.limits import Limits
from effq_core.photos.incoming.preview import FEWEST_PHOTOS, Lookalike, Photo, Preview
from effq_core.photos.index import TRAIN, VAL, ImageItem, Skipped, remove_duplicates
from effq_core.photos.preview import THUMBNAIL_SIDE, THUMBNAILS, Thumbnail, jpeg
from effq_core.photos.sampling import dealt

_CANDIDATES = 2 * THUMBNAILS  # pictures made, of which some turn out to be copies


@dataclass(frozen=True)
class Seen(Plain):
    """What one photo is, decoded."""

    name: str
    sha256: str = ""  # of its content; empty where it cannot be used
    small: str = ""  # what it looks like, a miniature as base64
    problem: str = ""  # why it cannot be used; empty where it can


def read_labels(
    found: Found, content: bytes | None, called: str, *, one_down: bool = False
) -> Labelled:
    """Decides where labels come from, a list or folders; may raise DatasetError."""
    names = sorted(file.name for file in found.files)
    if not names:
        reasons = Counter(each.reason for each in found.skipped).most_common(3)
        left_out = "; ".join(f"{count:,} × {reason}" for reason, count in reasons)
        raise DatasetError(
            "There is no photo in it." + (f" Left out: {left_out}." if left_out else ""),
            "Give JPEG or PNG files, in one folder for each class where there are classes.",
        )
    if content is not None:
        return from_list(content, names, called)
    if found.labels is not None:
        return from_list(found.labels, names, "labels.csv in the archive")
    if all("/" not in name for name in names):
        return unlabelled(names)
    return from_folders(names, one_down=one_down)


def look_at(
    file: FoundFile, folder: Path, limits: Limits, *, thumbnail: bool
) -> tuple[Seen, bytes]:
    """Decodes one photo; the picture is JPEG, empty where not wanted or not possible."""
    name = shown(file.name)
    try:
        data = (folder / file.path).read_bytes()
        rgb = upright_rgb(open_image(data, name, max_pixels=limits.pixels))
        small = base64.b64encode(lookalikes.miniature(rgb).tobytes()).decode()
        seen = Seen(file.name, hashlib.sha256(data).hexdigest(), small)
        return seen, jpeg(to_square(rgb, THUMBNAIL_SIDE)) if thumbnail else b""
    except DatasetError as error:
        return Seen(file.name, problem=error.message.removeprefix(f"{name} ").rstrip(".")), b""


class Picker:
    """Says of which photos a thumbnail is wanted: the first few of each class."""

    def __init__(self, labelled: Labelled) -> None:
        self._places = labelled.places
        self._taken: Counter[str | None] = Counter()
        classes = len({place.label for place in labelled.places.values()})
        self._most = -(-_CANDIDATES // max(1, classes))

    def wants(self, name: str) -> bool:
        """Returns whether one of this photo is wanted; so it counts as taken."""
        label = self._places[name].label
        if self._taken[label] >= self._most or self._taken.total() >= _CANDIDATES:
            return False
        self._taken[label] += 1
        return True


def assemble(
    found: Found,
    labelled: Labelled,
    seen: Mapping[str, Seen],
    pictures: Mapping[str, bytes],
    limits: Limits,
) -> Preview:
    """Puts together what was seen, or raises DatasetError if no dataset can be made of it."""
    skipped = [*found.skipped, *labelled.skipped]
    files = {file.name: file for file in found.files}
    names = sorted({place.label for place in labelled.places.values() if place.label is not None})
    labels = {name: number for number, name in enumerate(names)}
    items = []
    for name, place in sorted(labelled.places.items()):
        each = seen[name]
        if each.problem:
            skipped.append(Skipped(shown(name), each.problem))
        else:
            label = None if place.label is None else labels[place.label]
            items.append(ImageItem(name, label, place.split, each.sha256))
    kept, copies = remove_duplicates(items)
    skipped += [Skipped(shown(copy.key), shown(copy.reason)) for copy in copies]
    if not kept:
        first = f" The first: {skipped[0].key}: {skipped[0].reason}." if skipped else ""
        raise DatasetError(f"None of the {len(found.files):,} photos can be used.{first}")
    kept, class_names = _renumbered(kept, names)
    _check_classes(class_names, labelled, limits)
    photos = [
        Photo(i.key, files[i.key].path, i.label, i.split, i.sha256, files[i.key].bytes)
        for i in kept
    ]
    notes = list(labelled.notes)
    if found.outside:
        links = counted(found.outside, "file")
        notes.append(f"Links lead to {links} outside of the folder: they are copied, too.")
    if len(photos) < FEWEST_PHOTOS:
        notes.append(
            f"{counted(len(photos), 'photo')} are few: a run needs about {FEWEST_PHOTOS} to set"
            " ranges with some and measure on others."
        )
    if len(photos) > lookalikes.MOST_COMPARED:
        notes.append(
            f"Look-alikes are searched among up to {lookalikes.MOST_COMPARED:,} photos only."
        )
        alike: tuple[Lookalike, ...] = ()
    else:
        alike = tuple(_lookalikes(photos, seen))
    return Preview(
        photos=tuple(photos),
        class_names=class_names,
        labels_from=labelled.source,
        skipped=tuple(skipped),
        litter=found.litter,
        lookalikes=alike,
        thumbnails=_thumbnails(photos, class_names, pictures),
        notes=tuple(notes),
        nested=labelled.nested,
        one_down=labelled.one_down,
    )


def _renumbered(
    items: list[ImageItem], names: list[str]
) -> tuple[list[ImageItem], tuple[str, ...]]:
    """Leaves out classes of which no photo is left."""
    present = sorted({item.label for item in items if item.label is not None})
    new: dict[int | None, int | None] = {None: None}
    new.update({old: number for number, old in enumerate(present)})
    return [replace(i, label=new[i.label]) for i in items], tuple(names[old] for old in present)


def _check_classes(names: tuple[str, ...], labelled: Labelled, limits: Limits) -> None:
    if labelled.source is LabelSource.NONE:
        return
    if len(names) == 1:
        raise DatasetError(
            f"The photos have one class only: {names[0]}.",
            "Add photos of a second class; or give them without class folders and without a list,"
            " to use them unlabelled.",
        )
    if len(names) > limits.classes:
        raise DatasetError(
            f"The photos have {len(names):,} classes.",
            f"At most {limits.classes:,} are taken. Is the right column of the list the label?"
            if labelled.source is LabelSource.LIST
            else f"At most {limits.classes:,} are taken.",
        )


def _lookalikes(photos: list[Photo], seen: Mapping[str, Seen]) -> Iterator[Lookalike]:
    """Yields photos that resemble an earlier one; those of the evaluation split come first."""
    ordered = sorted(photos, key=lambda photo: photo.split != VAL)
    content = b"".join(base64.b64decode(seen[photo.name].small) for photo in ordered)
    small = np.frombuffer(content, np.uint8).reshape(-1, lookalikes.SIDE, lookalikes.SIDE)
    measured = sum(photo.split == VAL for photo in ordered)
    near = lookalikes.nearest_earlier(small)
    # Whatever else a training photo resembles: its twin that is measured on is named.
    over = [None] * measured + lookalikes.nearest_among(small[measured:], small[:measured])
    for photo, alike, crossing in zip(ordered, near, over, strict=True):
        across = photo.split == TRAIN and crossing is not None
        found = crossing if across else alike
        if found is not None:
            other = ordered[found[0]]
            yield Lookalike(photo.name, other.name, across, photo.label != other.label)


def _thumbnails(
    photos: list[Photo], names: tuple[str, ...], pictures: Mapping[str, bytes]
) -> tuple[Thumbnail, ...]:
    by_class: dict[int | None, list[Photo]] = {}
    for photo in photos:
        if pictures.get(photo.name):
            by_class.setdefault(photo.label, []).append(photo)
    called: dict[int | None, str] = {None: "", **dict(enumerate(names))}
    groups = [by_class[label] for label in sorted(by_class, key=lambda label: label or 0)]
    return tuple(
        Thumbnail(shown(photo.name), called[photo.label], pictures[photo.name])
        for photo in dealt(groups)[:THUMBNAILS]
    )
