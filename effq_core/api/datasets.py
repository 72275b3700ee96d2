"""Photos: what there is, and adding to it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from effq_core.api.progress import OnProgress, Teller, shown
from effq_core.api.runs import frame
from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.photos import catalogue
from effq_core.photos.incoming.upload import look_at_path
from effq_core.photos.own_photos import check_title
from effq_core.photos.roots import folder_id
from effq_core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add", "available", "download", "folder", "remove"]


def available() -> pd.DataFrame:
    """Lists the photos there are, a row each; the index is what an experiment names them by."""
    cards = catalogue.available(Home.from_environment())
    return frame([asdict(card) for card in cards], "id")


def folder(path: str | Path, *, one_level_down: bool = False) -> str:
    """Names a folder of photos for ``Experiment(dataset=...)``; nothing is copied.

    Args:
        path: The folder: one folder for each class, with train/ and val/ or without; or photos
            without labels.
        one_level_down: The folders in its folders are the classes: group/class/photo.
    """
    found = Path(path).expanduser().resolve()
    if not found.is_dir():
        raise DatasetError(f"{found} is not a folder.", "Give a folder of photos.")
    return folder_id(found, one_down=one_level_down)


def add(
    source: str | Path,
    *,
    name: str = "",
    labels: str | Path | None = None,
    one_level_down: bool = False,
    drop_lookalikes: bool = False,
    progress: bool | OnProgress = True,
) -> str:
    """Copies photos of your own into the store, and returns their id for ``Experiment``.

    Args:
        source: The zip or folder.
        name: What to call them; the zip's name, where not given.
        labels: A CSV of file names and labels; without it, folders are classes.
        one_level_down: The folders in the folders there are the classes.
        drop_lookalikes: Keep only one of photos that look alike.
        progress: Whether to show a bar; or a function to call.

    Raises:
        DatasetError: If they cannot be used, or the name is taken.
        StoreError: If the disk is full or not writable.
    """
    home = Home.from_environment()
    if name:
        check_title(name)
    given = None if labels is None else Path(labels)
    with shown(progress) as tell:
        upload = look_at_path(home, Path(source), given, Teller(tell), one_down=one_level_down)
    try:
        return upload.add(home, name or upload.suggested, drop_lookalikes=drop_lookalikes).id
    finally:
        upload.close()


def download(dataset: str, *, progress: bool | OnProgress = True) -> None:
    """Downloads photos. What has arrived is kept when it is interrupted.

    Args:
        dataset: ``imagenette``; others need no download.
        progress: Whether to show a bar; or a function to call.

    Raises:
        DatasetError: If there is no such dataset.
        DownloadError: If it cannot be downloaded.
        StoreError: If the disk is full or not writable.
    """
    with shown(progress) as tell:
        catalogue.download_dataset(dataset, Home.from_environment(), Teller(tell))


def remove(dataset: str) -> None:
    """Deletes photos of your own, or downloaded ones; what runs found with them stays.

    Raises:
        InputError: If they are bundled, not known, or a run is using them.
        StoreError: If they cannot be removed.
    """
    home = Home.from_environment()
    with Database(home.database) as database:
        remove_item(home, database, dataset)
