"""Which datasets there are, and the way from an identifier to one of them."""

from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.base.settings import Home
from effq_core.photos import imagenette, photo_patches
from effq_core.photos.added import AddedFolder, added_folders, is_there
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import Dataset
from effq_core.photos.own_photos import LICENCE, OwnPhotos, open_own, own_photos
from effq_core.photos.own_photos import PREFIX as OWN_PREFIX
from effq_core.photos.roots import FOLDER_PREFIX, folder_id, folder_of_id
from effq_core.store.usage import settled_size


class Origin(StrEnum):
    """How a dataset comes to be there."""

    BUILT_IN = "built in"
    DOWNLOAD = "download"
    FOLDER = "folder"  # the user's own, added to the list
    OWN = "own"  # the user's own, in the store


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a list of datasets says about one."""

    id: str
    title: str
    summary: str
    licence: str
    source: str
    bytes_on_disk: int  # size of its images in bytes; 0 when not present
    is_present: bool
    classes: int  # number of classes; 0 when unlabelled
    origin: Origin


def open_dataset(dataset_id: str, home: Home) -> Dataset:
    """Opens a dataset as it is now, or raises DatasetError if there is none that can be used."""
    if dataset_id == photo_patches.DATASET_ID:
        return photo_patches.PhotoPatches()
    if dataset_id == imagenette.DATASET_ID:
        return imagenette.open_imagenette(home)
    if dataset_id.startswith(OWN_PREFIX):
        return open_own(home, dataset_id)
    if dataset_id.startswith(FOLDER_PREFIX):
        path, one_down = folder_of_id(dataset_id)
        if not path.is_absolute():
            raise DatasetError(
                f"{dataset_id!r} is not an absolute path.",
                f"Write {folder_id(path.absolute(), one_down=one_down)}.",
            )
        return FolderDataset(path, one_down=one_down)
    raise DatasetError(
        f"There is no dataset {dataset_id!r}.",
        f"Choose {photo_patches.DATASET_ID}, {imagenette.DATASET_ID}, {OWN_PREFIX}name or"
        f" {FOLDER_PREFIX}/path/to/photos.",
    )


def download_dataset(dataset_id: str, home: Home, reporter: Reporter) -> None:
    """Makes ``imagenette`` present, or raises DatasetError; the others need no download."""
    if dataset_id == imagenette.DATASET_ID:
        imagenette.download_imagenette(home, reporter)
    open_dataset(dataset_id, home)


def available(home: Home) -> list[DatasetCard]:
    """Lists the datasets there are, or raises DatasetError if the built-in photos are damaged."""
    patches = photo_patches.PhotoPatches()
    present = imagenette.is_present(home)
    return [
        DatasetCard(
            id=patches.id,
            title=patches.title,
            summary=photo_patches.SUMMARY,
            licence=patches.licence,
            source=patches.source,
            bytes_on_disk=patches.bytes_on_disk,
            is_present=True,
            classes=len(patches.class_names),
            origin=Origin.BUILT_IN,
        ),
        DatasetCard(
            id=imagenette.DATASET_ID,
            title=imagenette.TITLE,
            summary=imagenette.SUMMARY,
            licence=imagenette.LICENCE,
            source=imagenette.SOURCE,
            bytes_on_disk=settled_size(imagenette.folder_of(home)) if present else 0,
            is_present=present,
            classes=10,
            origin=Origin.DOWNLOAD,
        ),
        *(_own_card(photos) for photos in own_photos(home)),
        *(_folder_card(folder) for folder in added_folders(home)),
    ]


def _own_card(photos: OwnPhotos) -> DatasetCard:
    return DatasetCard(
        id=photos.id,
        title=photos.title,
        summary=_summary(photos.photos, len(photos.classes)),
        licence=LICENCE,
        source=f"added on this machine, {fmt.moment(photos.added)}",
        bytes_on_disk=photos.bytes,
        is_present=True,
        classes=len(photos.classes),
        origin=Origin.OWN,
    )


def _folder_card(folder: AddedFolder) -> DatasetCard:
    present = is_there(folder)
    return DatasetCard(
        id=folder.id,
        title=folder.title,
        summary=_summary(folder.images, folder.classes, ", counted when it was added"),
        licence="yours: the folder does not say",
        source=folder.path,
        bytes_on_disk=folder.bytes if present else 0,
        is_present=present,
        classes=folder.classes,
        origin=Origin.FOLDER,
    )


def _summary(photos: int, classes: int, note: str = "") -> str:
    labels = f" of {fmt.counted(classes, 'class', 'classes')}" if classes else ""
    return f"{fmt.counted(photos, 'photo')}{labels}{note}.{'' if classes else ' No labels.'}"
