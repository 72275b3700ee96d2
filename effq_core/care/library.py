"""Removing models and datasets, and who would miss them."""

from contextlib import suppress
from pathlib import Path

from effq_core.base.errors import InputError
from effq_core.base.files import remove_file
from effq_core.base.settings import Home
from effq_core.care.fetches import dismiss_fetch, fetch_of
from effq_core.experiment.variants import is_ready
from effq_core.models.catalogue import MODELS
from effq_core.models.own.card import is_own, remove_own_model
from effq_core.models.own.ready import remove_ready
from effq_core.photos import imagenette
from effq_core.photos.added import forget_folder
from effq_core.photos.own_photos import PREFIX as PHOTOS_PREFIX
from effq_core.photos.own_photos import remove_own
from effq_core.photos.roots import FOLDER_PREFIX
from effq_core.store.database import Database
from effq_core.store.rows import RunRow


def dependents(database: Database, item: str) -> list[RunRow]:
    """Returns the runs made with a dataset or model, which need it to be run again."""
    return [
        run
        for run in database.list_runs()
        if item in (run.experiment.get("dataset"), run.experiment.get("model"))
        or item in run.experiment.get("variants", ())
    ]


def partial_bytes(home: Home, item: str) -> int:
    """Returns the bytes an unfinished download of something has left."""
    found = 0
    for path in _partials(home, item):
        with suppress(FileNotFoundError):  # it may be finished or removed at any moment
            found += path.stat().st_size
    return found


def remove_item(home: Home, database: Database, item: str) -> None:
    """Removes a downloaded or added item; InputError if it is in use or built in; or StoreError."""
    if item.startswith(FOLDER_PREFIX):
        forget_folder(home, item)  # no photo goes, so nobody need wait
        return
    for run in dependents(database, item):
        if run.status.is_active and run.driver_pid is not None:
            raise InputError(
                f"The run {run.id} is using it: it is {run.status}.",
                "Wait until it has ended, or cancel it first.",
            )
    if item.startswith(PHOTOS_PREFIX):
        remove_own(home, item)
        return
    if is_own(item):
        remove_own_model(item, home)
        return
    if is_ready(item):
        remove_ready(item, home)
        return
    card = MODELS.get(item)
    if item != imagenette.DATASET_ID and (card is None or card.bundled):
        title = item[:60] if card is None else card.title
        raise InputError(f"{title} comes with EffQ and cannot be removed.", "It can stay.")
    fetch = fetch_of(home, item)
    if fetch is not None and fetch.state.is_active:
        raise InputError("It is being downloaded.", "Cancel the download first.")
    if card is None:
        imagenette.remove(home)
    for path in [*_partials(home, item), *([_weights(home, item)] if card else [])]:
        remove_file(path)
    dismiss_fetch(home, item)


def _weights(home: Home, item: str) -> Path:
    return home.models / MODELS[item].weights.file


def _partials(home: Home, item: str) -> list[Path]:
    if item == imagenette.DATASET_ID:
        archive = home.datasets / f"{imagenette.FOLDER}.tgz"
        return [archive, archive.with_name(archive.name + ".part")]
    if item in MODELS and not MODELS[item].bundled:
        return [_weights(home, item).with_name(MODELS[item].weights.file + ".part")]
    return []
