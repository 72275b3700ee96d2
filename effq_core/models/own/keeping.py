"""Keeping what a check has made of a file, under a name; imports no TensorFlow."""

from __future__ import annotations

import shutil
import time

from effq_core.errors import ModelError
from effq_core.models.own import steps
from effq_core.models.own.adding import CHECKING, Checked, discard
from effq_core.models.own.card import (
    CARD_FILE,
    FLAT_FILE,
    GRAPH_FILE,
    PREFIX,
    WEIGHTS_FILE,
    OwnCard,
    get_own,
    own_folder,
    slug_of,
    write_card,
)
from effq_core.models.own.ready import MODEL_FILE, ReadyFile, get_ready, ready_folder
from effq_core.settings import Home
from effq_core.store.files import make_folder, remove_tree, store_errors
from effq_core.store.locks import FileLock
from effq_core.uploads import shown_name
from effq_core.variants import READY_PREFIX

_KEPT = (FLAT_FILE, WEIGHTS_FILE, GRAPH_FILE, MODEL_FILE)


def keep(home: Home, checked: Checked, title: str, *, replace: bool = False) -> OwnCard | ReadyFile:
    """Puts a checked model, or a ready file, into the store under a name.

    Args:
        home: The store.
        checked: From :func:`effq_core.models.own.adding.check`.
        title: What it is called.
        replace: Whether one of that name may be replaced.

    Returns:
        Its card.

    Raises:
        ModelError: If the name cannot be used or is taken.
        StoreError: If the store cannot be written.
    """
    title = " ".join(shown_name(title).split())
    slug, ready = slug_of(title), checked.is_ready
    name = f"{READY_PREFIX if ready else PREFIX}{slug}"
    target = make_folder(ready_folder(home) if ready else own_folder(home)) / slug
    with FileLock(own_folder(home) / CHECKING / ".names"):
        if (target / CARD_FILE).exists() and not replace:
            raise ModelError(f"There is {name} already.", "Give another name, or remove it.")
        draft = make_folder(checked.folder / "draft")
        with store_errors(target):
            for file in _KEPT:
                path = checked.folder / steps.OUT / file
                if path.is_file() and not path.is_symlink():
                    shutil.copyfile(path, draft / file)
        offer = checked.offer
        write_card(
            draft,
            {
                **{key: value for key, value in checked.report.items() if key != "answers"},
                "title": title,
                "labels": [[label.name, label.wnid] for label in offer.labels],
                "preprocessing": offer.preprocessing.value,
                "file_name": shown_name(offer.name),
                "added": time.time(),
            },
        )
        remove_tree(target)
        with store_errors(target):
            draft.rename(target)
    discard(checked)
    return get_ready(name, home) if ready else get_own(name, home)
