"""What a folder of photos would be as a dataset: shown before anybody decides to add it."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter, SilentReporter
from effq_core.photos.decode import Pixels, decode, open_image
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import TRAIN, VAL, Skipped
from effq_core.photos.listing import FolderFile, Nested
from effq_core.photos.roots import VARIABLE, Roots
from effq_core.photos.sampling import dealt

THUMBNAILS = 12  # photos shown
THUMBNAIL_SIDE = 112  # side of a thumbnail in pixels
HASHED_BYTES = 256 << 20  # up to which a folder is read wholly, which finds duplicates
_LARGEST_THUMBNAIL = 32 << 20  # bytes of a file worth reading for a thumbnail


@dataclass(frozen=True)
class ClassCount:
    """The photos of one class."""

    name: str
    images: int
    training: int  # those in the training split; 0 without splits
    evaluation: int  # those in the evaluation split; 0 without splits


@dataclass(frozen=True)
class Thumbnail:
    """A photo as the model would see it, small."""

    key: str  # its path in the folder
    label: str  # name of its class; empty when unlabelled
    jpeg: bytes  # the picture, a square of :data:`THUMBNAIL_SIDE` pixels


@dataclass(frozen=True, kw_only=True)
class FolderPreview:
    """What was found in a folder."""

    path: Path
    images: int
    bytes: int
    classes: tuple[ClassCount, ...]  # photos of each class; empty when unlabelled
    has_splits: bool
    skipped: tuple[Skipped, ...]
    thumbnails: tuple[Thumbnail, ...]
    complete: bool  # whether every file was read; else a run finds more duplicates
    nested: Nested | None = None  # folders that may be meant as classes, if any
    one_down: bool = False  # whether those are taken


def preview_folder(
    roots: Roots, path: Path | str, reporter: Reporter | None = None, *, one_down: bool = False
) -> FolderPreview:
    """Looks at a folder somebody thinks of adding, or raises DatasetError if it may not be."""
    dataset = FolderDataset(roots.require(path), one_down=one_down, one_class=True)
    _refuse_links_outside(dataset, roots)
    complete = dataset.bytes_on_disk <= HASHED_BYTES
    left_out = {each.key: each for each in dataset.skipped}
    if complete:
        index = dataset.scan(reporter or SilentReporter())
        left_out = {each.key: each for each in index.skipped}
        left_out |= _not_images(dataset.root, (item.key for item in index.items))
    else:
        empty = (file for file in dataset.files if file.size == 0)
        left_out |= {file.key: Skipped(file.key, "empty file (zero bytes)") for file in empty}
    used = [file for file in dataset.files if file.key not in left_out]
    names = class_names_of(dataset)
    thumbnails, broken = thumbnails_of(dataset.root, used, names)
    left_out |= {each.key: each for each in broken}
    used = [file for file in used if file.key not in left_out]
    return FolderPreview(
        path=dataset.root,
        images=len(used),
        bytes=sum(file.size for file in used),
        classes=count_classes([(file.folder, file.split) for file in used], names),
        has_splits=any(file.split for file in used),
        skipped=tuple(left_out.values()),
        thumbnails=thumbnails,
        complete=complete,
        nested=dataset.nested,
        one_down=one_down,
    )


def _refuse_links_outside(dataset: FolderDataset, roots: Roots) -> None:
    """Makes sure that no photo of a folder is a link to one that must not be shown."""
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


def _not_images(root: Path, keys: Iterable[str]) -> dict[str, Skipped]:
    found = {}
    for key in keys:
        try:
            open_image(root / key, key, load=False)
        except DatasetError as error:
            found[key] = _skipped(key, error)
    return found


def _skipped(key: str, error: DatasetError) -> Skipped:
    return Skipped(key, error.message.removeprefix(f"{key} ").rstrip("."))


def jpeg(pixels: Pixels) -> bytes:
    """Encodes a picture, RGB 0-255, uint8 (height, width, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def class_names_of(dataset: FolderDataset) -> dict[str | None, str]:
    """Returns the name of each class folder's class, in the order of the labels."""
    return dict(zip(dataset.folders, dataset.class_names, strict=True))


def count_classes(
    places: Sequence[tuple[Any, str | None]], names: Mapping[Any, str]
) -> tuple[ClassCount, ...]:
    """Counts photos, each given by class and split, of classes by their names."""
    by_split, by_class = Counter(places), Counter(key for key, _ in places)
    return tuple(
        ClassCount(name, by_class[key], by_split[key, TRAIN], by_split[key, VAL])
        for key, name in names.items()
    )


def thumbnails_of(
    root: Path, files: list[FolderFile], names: dict[str | None, str]
) -> tuple[tuple[Thumbnail, ...], list[Skipped]]:
    """Decodes a few photos, one class after the other; ``names`` has each folder's class."""
    shown: list[Thumbnail] = []
    broken: list[Skipped] = []
    for file in _in_turn(files):
        if len(shown) == THUMBNAILS or len(broken) == THUMBNAILS:
            break
        if file.size > _LARGEST_THUMBNAIL:
            continue
        try:
            pixels = decode(open_image(root / file.key, file.key), THUMBNAIL_SIDE)
        except DatasetError as error:
            broken.append(_skipped(file.key, error))
            continue
        shown.append(Thumbnail(file.key, names.get(file.folder, ""), jpeg(pixels)))
    return tuple(shown), broken


def _in_turn(files: list[FolderFile]) -> list[FolderFile]:
    by_class: dict[str | None, list[FolderFile]] = {}
    for file in files:
        by_class.setdefault(file.folder, []).append(file)
    most = 4 * THUMBNAILS
    return dealt([group[:most] for group in by_class.values()])[:most]
