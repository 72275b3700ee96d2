"""Keeping what a check has made of a file, under a name; imports no TensorFlow."""

import shutil
import time
from pathlib import Path

from effq_core.base.errors import ModelError
from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.experiment.variants import READY_PREFIX
from effq_core.intake import steps
from effq_core.intake.adding import Checked, discard
from effq_core.intake.sandbox import CHECKING
from effq_core.models.own import card
from effq_core.models.own.ready import MODEL_FILE, ReadyFile, get_ready, ready_folder
from effq_core.photos.uploads import shown_name

_ASIDE = ".replaced."  # begins the name of a folder that is being replaced


def keep(
    home: Home, checked: Checked, title: str, *, replace: bool = False
) -> card.OwnCard | ReadyFile:
    """Puts a checked model or file into the store; may raise ModelError or StoreError."""
    title = " ".join(shown_name(title).split())
    slug, ready = card.slug_of(title), checked.is_ready
    name = f"{READY_PREFIX if ready else card.PREFIX}{slug}"
    target = make_folder(ready_folder(home) if ready else card.own_folder(home)) / slug
    with FileLock(card.own_folder(home) / CHECKING / ".names"):
        _put_back(target)
        if (target / card.CARD_FILE).exists() and not replace:
            raise ModelError(f"There is {name} already.", "Give another name, or remove it.")
        draft = _draft(checked, ready)
        offer = checked.offer
        plain = {key: value for key, value in checked.report.items() if key != "answers"}
        plain["labels"] = [[label.name, label.wnid] for label in checked.labels]
        plain |= {"title": title, "preprocessing": offer.preprocessing.value}
        plain |= {"file_name": shown_name(offer.name), "added": time.time()}
        card.write_card(draft, plain)
        _swap(draft, target)
    discard(checked)
    return get_ready(name, home) if ready else card.get_own(name, home)


def _draft(checked: Checked, ready: bool) -> Path:
    out, draft = checked.folder / steps.OUT, checked.folder / "draft"
    wholes = [(MODEL_FILE,)] if ready else [(card.GRAPH_FILE,), (card.FLAT_FILE, card.WEIGHTS_FILE)]
    for whole in wholes:
        paths = [out / name for name in whole]
        if all(path.is_file() and not path.is_symlink() for path in paths):
            remove_tree(draft)  # of a try before, that found no space
            make_folder(draft)
            with store_errors(draft):
                for path in paths:
                    shutil.copyfile(path, draft / path.name)
            return draft
    raise ModelError("The check's result is gone.", "Check the file again.")


def _swap(draft: Path, target: Path) -> None:
    """Puts a folder in its place; the one that is there stays until the new one is."""
    aside = target.with_name(f"{_ASIDE}{target.name}")
    with store_errors(target):
        if target.exists():
            target.rename(aside)
        try:
            draft.rename(target)
        except OSError:
            _put_back(target)
            raise
    remove_tree(aside)


def _put_back(target: Path) -> None:
    """Ends a replacement that somebody killed: with the new folder if it is there, or the old."""
    aside = target.with_name(f"{_ASIDE}{target.name}")
    with store_errors(target):
        if aside.exists() and not target.exists():
            aside.rename(target)
    remove_tree(aside)
