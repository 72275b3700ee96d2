"""A dataset at a glance: counted by names alone, so that a page shows it while choices change."""

from collections import Counter
from dataclasses import dataclass

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.decode import decode
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import TRAIN, ImageItem, Index
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.photos.preview import (
    THUMBNAIL_SIDE,
    THUMBNAILS,
    Thumbnail,
    class_names_of,
    jpeg,
    thumbnails_of,
)
from effq_core.photos.sampling import ResolvedSizes, check_sizes


@dataclass(frozen=True)
class Glance:
    """What there is to choose from."""

    title: str
    licence: str
    source: str
    images: int  # how many there are, copies and broken ones included
    per_class: dict[str, int]  # images of each class, by name; empty when unlabelled
    training: int  # images calibration and training may draw from
    evaluation: int  # images accuracy may be measured on
    thumbnails: tuple[Thumbnail, ...]


def glance(dataset_id: str, home: Home) -> Glance:
    """Looks at a dataset."""
    dataset, index = _listed(dataset_id, home)
    sizes = check_sizes(index, 0, None, None)
    counts = Counter(item.label for item in index.items)
    return Glance(
        title=dataset.title,
        licence=dataset.licence,
        source=dataset.source,
        images=len(index.items),
        per_class={name: counts[label] for label, name in enumerate(index.class_names)},
        training=sizes.training,
        evaluation=sizes.evaluation,
        thumbnails=_thumbnails(dataset),
    )


def part_sizes(dataset_id: str, home: Home) -> ResolvedSizes:
    """Counts what may be drawn from, copies included; none to calibrate: that is of training."""
    return check_sizes(_listed(dataset_id, home)[1], 0, None, None)


def check_samples(experiment: Experiment, home: Home, *, new_head: bool) -> ResolvedSizes:
    """Checks before a run that a dataset has the images asked for, copies included."""
    _, index = _listed(experiment.dataset, home)
    trains = experiment.trains or new_head
    return check_sizes(
        index,
        experiment.calibration.size if experiment.calibrates else 0,
        experiment.training_size if trains else 0,
        experiment.evaluation_size,
        training_needed=trains,
        whole=experiment.files_of is not None,
    )


def _listed(dataset_id: str, home: Home) -> tuple[PhotoPatches | FolderDataset, Index]:
    """Returns a dataset and its index with names in place of hashes."""
    dataset = open_dataset(dataset_id, home)
    if isinstance(dataset, PhotoPatches):
        items = [ImageItem(key, label, split, key) for key, label, split in dataset.listing()]
    elif isinstance(dataset, FolderDataset):
        labels = {folder: n for n, folder in enumerate(class_names_of(dataset))}
        items = [
            ImageItem(file.key, labels.get(file.folder), file.split, file.key)
            for file in dataset.files
        ]
    else:
        raise DatasetError(f"{dataset_id} cannot be listed.", "Choose another dataset.")
    names, wnids = tuple(dataset.class_names), tuple(dataset.wnids)
    return dataset, Index(dataset.title, "listed", tuple(items), names, wnids)


def _thumbnails(dataset: PhotoPatches | FolderDataset) -> tuple[Thumbnail, ...]:
    if isinstance(dataset, FolderDataset):
        return thumbnails_of(dataset.root, list(dataset.files), class_names_of(dataset))[0]
    shown = [
        (key, label)
        for key, label, split in dataset.listing()
        if split == TRAIN and key.endswith("/00000")
    ]
    found = []
    for key, label in shown[:THUMBNAILS]:
        picture = jpeg(decode(dataset.open(ImageItem(key, label, TRAIN, key)), THUMBNAIL_SIDE))
        found.append(Thumbnail(key, dataset.class_names[label], picture))
    return tuple(found)
