"""Photos in a folder, in ImageNet's style or without labels."""

import hashlib
from pathlib import Path

from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.photos import index
from effq_core.photos.decode import EXTENSIONS, open_image
from effq_core.photos.listing import list_photos
from effq_core.photos.roots import folder_id, folder_title

_EVERY = 64  # files hashed between two reports


class FolderDataset:
    """A folder as it was when this was made; raises DatasetError if it cannot be a dataset."""

    def __init__(
        self,
        root: Path,
        *,
        dataset_id: str | None = None,
        title: str | None = None,
        licence: str = "yours: the folder does not say",
        source: str = "a folder on this computer",
        reference_size: int | None = None,  # shortest side in pixels, where all have it
        one_down: bool = False,  # whether the folders in the folders there are the classes
        one_class: bool = False,  # whether one is enough where others may be meant
    ) -> None:
        self.root = root
        self.id = dataset_id or folder_id(root, one_down=one_down)
        self.title = title or folder_title(root, one_down=one_down)
        self.licence = licence
        self.source = source
        self.reference_size = reference_size
        self.one_down = one_down
        listing = list_photos(root, one_down=one_down)
        self.nested = listing.nested
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
        self.folders = tuple(folders)
        offers = self.nested is not None and not one_down
        if len(folders) == 1 and not (one_class and offers):
            below = (
                " To take the folders one level down as classes, choose --one-level-down."
                f" Or use {root / folders[0]}."
            )
            raise DatasetError(
                f"{root} has one class only: {folders[0]}.",
                "Add a folder for a second class, or put the images directly into"
                f" {root} to use them unlabelled.{below if offers else ''}",
            )
        self._labels = {name: position for position, name in enumerate(folders)}
        self.wnids = tuple(index.as_wnid(name) for name in folders)
        names = index.wordnet_names() if any(self.wnids) else {}
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

    def scan(self, reporter: Reporter) -> index.Index:
        """Hashes every image and removes duplicates."""
        items: list[index.ImageItem] = []
        skipped = list(self.skipped)
        for done, file in enumerate(self.files):
            if done % _EVERY == 0:
                reporter.check_cancelled()
                reporter.progress(done, len(self.files))
            if file.size == 0:
                skipped.append(index.Skipped(file.key, "empty file (zero bytes)"))
                continue
            try:
                with (self.root / file.key).open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                skipped.append(index.Skipped(file.key, f"cannot be read: {error.strerror}"))
                continue
            label = None if file.folder is None else self._labels[file.folder]
            items.append(index.ImageItem(file.key, label, file.split, content))
        kept, duplicates = index.remove_duplicates(items)
        reporter.progress(len(self.files), len(self.files))
        if not kept:
            reasons = "; ".join(f"{e.key}: {e.reason}" for e in [*skipped, *duplicates][:3])
            raise DatasetError(
                f"{self.root} has no usable image ({reasons}).", "Replace these images."
            )
        left_out = (*skipped, *duplicates)
        return index.Index(
            self.id, self.state(), tuple(kept), self.class_names, self.wnids, left_out
        )

    def open(self, item: index.ImageItem) -> Image.Image:
        """Reads one image, or raises DatasetError if it cannot or has changed since the scan."""
        path = self.root / item.key
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DatasetError(
                f"{item.key} cannot be read: {error.strerror}.", f"Check {path}, then run again."
            ) from error
        if hashlib.sha256(data).hexdigest() != item.sha256:
            # Disjointness and duplicates were checked on the old content.
            raise DatasetError(
                f"{item.key} has changed since the dataset was scanned.", "Run again."
            )
        return open_image(data, item.key)
