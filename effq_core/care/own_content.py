"""Damage to what people have brought into a store: named, as nobody can make it again."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.files import store_error, store_errors
from effq_core.base.settings import Home
from effq_core.devices.timing_file import DeviceReport
from effq_core.experiment.variants import READY_PREFIX
from effq_core.models.own import card, ready
from effq_core.photos import own_photos
from effq_core.photos.added import added_folders
from effq_core.store.manifest import hash_file


@dataclass(frozen=True)
class Brought:
    """What there is, such as ``2 sets of photos``, and a sentence for each damaged one."""

    counts: tuple[str, ...]
    problems: tuple[str, ...]


def look_through(home: Home, *, hashes: bool = True) -> Brought:
    """Looks at all people have added, with ``hashes`` every byte; StoreError if unreadable."""
    kinds: list[tuple[str, str, list[str]]] = []
    with store_errors(home.root):
        for word, several, top, problem in (
            ("set of photos", "sets of photos", home.datasets / own_photos.FOLDER, _photo_problem),
            ("model", "", card.own_folder(home), _model_problem),
            ("ready file", "", ready.ready_folder(home), _ready_problem),
        ):
            kinds.append((word, several, [_said(problem, home, f, hashes) for f in _named(top)]))
        kinds.append(("device timing", "", [*_timings(home)]))
    kinds.append(("added folder", "", _folders(home)))
    return Brought(
        tuple(fmt.counted(len(found), word, several) for word, several, found in kinds if found),
        tuple(problem for _, _, found in kinds for problem in found if problem),
    )


def _named(folder: Path) -> list[Path]:
    """Returns the folders of a folder whose names people's things have: drafts begin with a dot."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _said(look: Callable[[Home, Path, bool], str], home: Home, folder: Path, hashes: bool) -> str:
    try:
        return look(home, folder, hashes)
    except EffqError as error:
        return str(error)


def _photo_problem(home: Home, folder: Path, hashes: bool) -> str:
    about = {each.slug: each for each in own_photos.own_photos(home)}.get(folder.name)
    if about is None:
        own_photos.open_own(home, f"{own_photos.PREFIX}{folder.name}")  # says what is wrong
        return f"The photos in {folder} cannot be used."
    if not hashes:
        return ""
    digest = hashlib.sha256()
    photos = folder / own_photos.PHOTOS
    # Their names begin with numbers in the order in which they were added.
    for path in sorted(filter(Path.is_file, photos.rglob("*")), key=attrgetter("name")):
        name = path.relative_to(photos).as_posix()
        digest.update(f"{name}\0{hash_file(path)}\n".encode())
    if digest.hexdigest() == about.content:
        return ""
    return (
        f"The photos {about.id} in {photos} are not those that were added. Remove them "
        f"(`effq datasets remove {about.id}`) and add them again."
    )


def _model_problem(home: Home, folder: Path, hashes: bool) -> str:
    name = f"{card.PREFIX}{folder.name}"
    found = card.get_own(name, home)
    if not hashes or card.content_hash(folder) == found.weights.sha256:
        return ""
    return (
        f"The files of the model {name} in {folder} are not those that were checked. Remove it "
        f"with `effq models remove {name}` and add it again."
    )


def _ready_problem(home: Home, folder: Path, hashes: bool) -> str:
    found = ready.get_ready(f"{READY_PREFIX}{folder.name}", home)
    if hashes:
        found.read()
    return ""


def _timings(home: Home) -> Iterator[str]:
    if not home.device_timings.is_dir():
        return
    for path in sorted(home.device_timings.glob("*/*.json")):
        try:
            plain = json.loads(path.read_bytes())
            report = DeviceReport.from_dict(plain if isinstance(plain, dict) else {})
            sound = (report.sha256, f"{report.id}.json") == (path.parent.name, path.name)
        except OSError as error:  # nobody knows yet whether it is damaged
            yield str(store_error(error, path))
            continue
        except (KeyError, TypeError, ValueError):
            sound = False
        problem = (
            f"The device timing {path} is damaged. Delete it and import bench.py's file again."
        )
        yield "" if sound else problem


def _folders(home: Home) -> list[str]:
    try:
        return ["" for _ in added_folders(home)]
    except EffqError as error:
        return [str(error)]
