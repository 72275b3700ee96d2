"""The photos a run was evaluated on, as its models saw them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effq_core.base.errors import EffqError, InputError, StoreError
from effq_core.base.settings import Home
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.decode import Pixels, decode
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Dataset, ImageItem, Index
from effq_core.photos.pixels import read_pixels
from effq_core.photos.roots import require_allowed
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.manifest import INDEX_FILE, MANIFEST, check_name

_PIXELS = "pixels"
_INDEX = "index"


@dataclass(frozen=True)
class EvaluationPhotos:
    """Evaluation photos, read one by one."""

    keys: list[str]  # key of each photo, in the order of the stored answers
    entry: ImageInput  # what the models take of a photo
    _pixels: Pixels | None = None
    _dataset: Dataset | None = None
    _items: dict[str, ImageItem] | None = None

    def photo(self, row: int) -> Pixels:
        """Reads a photo as models saw it, uint8 (size, size, channels); DatasetError if gone."""
        if self._pixels is not None:
            photo: Pixels = self._pixels[row].copy()  # not a view that keeps the file mapped
            return photo
        if self._dataset is None or self._items is None:
            raise StoreError("These evaluation photos have no source.", "Open them again.")
        return decode(self._dataset.open(self._items[self.keys[row]]), self.entry)


def open_photos(results: Results, home: Home) -> EvaluationPhotos:
    """Finds a run's evaluation photos, its decoded ones or the dataset's; raises if gone."""
    if results.folder is None or results.folder == REFERENCE_FOLDER:
        message = "The bundled reference run ships no photos, only the answers to them."
        hint = "Run an experiment of your own to see the photos whose answer changed."
        raise InputError(message, hint)
    keys = results.predictions(results.baseline.name).keys
    folder = pixels_folder(results.folder, results.baseline.predictions)
    if folder is not None and folder.is_dir():
        pixels, items = read_pixels(folder)
        if [item.key for item in items] == keys:
            return EvaluationPhotos(keys, results.image_input, _pixels=pixels)
    return _from_dataset(results, home, results.folder, keys)


def _from_dataset(results: Results, home: Home, folder: Path, keys: list[str]) -> EvaluationPhotos:
    wanted = set(keys)
    for index in sorted((folder / _INDEX).glob(f"*/{INDEX_FILE}")):
        if _manifest(index.parent).get("params", {}).get("dataset") != results.experiment.dataset:
            continue
        found = Index.from_dict(json.loads(index.read_text(encoding="utf-8")))
        items = {item.key: item for item in found.items if item.key in wanted}
        if len(items) == len(wanted):
            # Only the dashboard comes here, and shows nothing of folders it would not offer.
            dataset = open_dataset(require_allowed(results.experiment.dataset, home), home)
            return EvaluationPhotos(keys, results.image_input, _dataset=dataset, _items=items)
    message = "The photos of this run are no longer in the store."
    raise StoreError(message, "Run the experiment again: only what is missing is made.")


def pixels_folder(artifacts: Path, predictions: str) -> Path | None:
    """Returns where the photos are that were evaluated; ``None`` where it is not recorded."""
    found = _manifest(artifacts / predictions).get("inputs", {}).get("evaluation", {})
    fingerprint = str(found.get("fingerprint", ""))
    try:
        check_name(_PIXELS, fingerprint)
    except EffqError:
        return None
    return artifacts / _PIXELS / fingerprint


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["inputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
