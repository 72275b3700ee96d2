"""People's own photos in the store: each set a folder that appeared whole, with its description."""

import hashlib
import re
import unicodedata
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from effq_core.base.errors import DatasetError
from effq_core.base.files import make_folder, read_json, remove_tree, store_errors
from effq_core.base.formatting import one_line
from effq_core.base.settings import Home
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import as_wnid, wordnet_names
from effq_core.store.usage import ADDING

PREFIX = "photos:"  # begins the identifier of an added set of photos
DESCRIPTION = "dataset.json"
PHOTOS = "photos"
FOLDER = "own"
FORMAT = 1
LONGEST_NAME = 60
_LONGEST_SLUG = 40
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LICENCE = "yours"


@dataclass(frozen=True, kw_only=True)
class OwnPhotos:
    """What is known about an added set of photos without opening it."""

    slug: str
    title: str
    classes: dict[str, str]  # names of the classes by folder; empty where there are no labels
    photos: int
    bytes: int
    content: str  # hash over the content of all, so that the same photos are the same dataset
    skipped: int
    labels_from: str  # ``folders``, ``list`` or ``none``
    added: float  # seconds since 1970

    @property
    def id(self) -> str:
        """Identifier an experiment names it by."""
        return f"{PREFIX}{self.slug}"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {**asdict(self), "format": FORMAT}


class OwnDataset(FolderDataset):
    """An added set of photos. Raises DatasetError if its photos are missing or unreadable."""

    def __init__(self, root: Path, about: OwnPhotos) -> None:
        super().__init__(
            root / PHOTOS,
            dataset_id=about.id,
            title=about.title,
            licence=LICENCE,
            source="added on this machine",
        )
        self._content = about.content
        # Folders have names of ours, numbered in the order of the classes.
        given = [about.classes.get(folder, folder) for folder in self.folders]
        self.wnids = tuple(as_wnid(name) for name in given)
        names = wordnet_names() if any(self.wnids) else {}
        self.class_names = tuple(names.get(name, name) for name in given)

    def state(self) -> str:
        """Returns a hash over what the photos are; when they were written does not count."""
        digest = hashlib.sha256(self._content.encode())
        for file in self.files:
            digest.update(f"{file.key}\0{file.size}\n".encode())
        return digest.hexdigest()


def check_title(title: str) -> str:
    """Makes a title one line, or raises DatasetError if nothing is left, or it is too long."""
    line = unicodedata.normalize("NFC", one_line(title))
    if not line:
        raise DatasetError("The photos have no name.", "Give them one.")
    if len(line) > LONGEST_NAME:
        raise DatasetError(
            f"The name has {len(line)} characters.", f"At most {LONGEST_NAME} are taken."
        )
    return line


def slug_of(title: str) -> str:
    """Makes a folder's name of a title: small Latin letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:_LONGEST_SLUG].strip("-")
    if not slug:  # a name in another script
        slug = f"set-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
    return slug


def folder_of(home: Home, dataset_id: str) -> Path:
    """Returns where a set is or would be; raises DatasetError for what no path may be made of."""
    slug = dataset_id.removeprefix(PREFIX)
    if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
        raise DatasetError(
            f"{dataset_id[:80]!r} is not the name of a set of photos.",
            "`effq datasets` lists all photos.",
        )
    return home.datasets / FOLDER / slug


def own_photos(home: Home) -> tuple[OwnPhotos, ...]:
    """Lists the sets there are, the oldest first; damaged ones are left out."""
    folder = home.datasets / FOLDER
    if not folder.is_dir():
        return ()
    found = (_read(path) for path in folder.iterdir() if _SLUG.fullmatch(path.name))
    return tuple(sorted((each for each in found if each), key=lambda each: each.added))


def open_own(home: Home, dataset_id: str) -> OwnDataset:
    """Opens a set. Raises DatasetError if there is none, or it is damaged."""
    folder = folder_of(home, dataset_id)
    about = _read(folder)
    if about is None:
        if folder.exists():
            raise DatasetError(
                f"The photos {dataset_id} are damaged: their description is missing.",
                f"Remove them (`effq datasets remove {dataset_id}`) and add them again.",
            )
        raise DatasetError(
            f"There are no photos {dataset_id}.",
            "Add them in the Library or with `effq datasets add`; `effq datasets` lists all "
            "photos.",
        )
    return OwnDataset(folder, about)


def remove_own(home: Home, dataset_id: str) -> int:
    """Deletes a set and its photos; returns how many, 0 where the set was damaged."""
    folder = folder_of(home, dataset_id)
    about = _read(folder)
    # Renamed first, so that nobody meets half of it; what a kill leaves is swept as a draft is.
    hidden = home.datasets / f"{ADDING}{uuid.uuid4().hex[:12]}"
    with store_errors(folder):
        try:
            folder.rename(hidden)
        except FileNotFoundError:
            raise DatasetError(f"There are no photos {dataset_id}.", "") from None
        remove_tree(hidden)
    return about.photos if about else 0


def place_for(home: Home, title: str) -> Path:
    """Returns where a new set will be, around it made; raises DatasetError if the name is taken."""
    path = make_folder(home.datasets / FOLDER) / slug_of(title)
    if path.exists():
        raise DatasetError(
            f"There are photos called {path.name} already.",
            "Choose another name, or remove those first.",
        )
    return path


def _read(folder: Path) -> OwnPhotos | None:
    plain = read_json(folder / DESCRIPTION)
    if plain is None or plain.pop("format", None) != FORMAT:
        return None
    try:
        about = OwnPhotos(**plain)
    except TypeError:
        return None
    return about if about.slug == folder.name and isinstance(about.classes, dict) else None
