"""Models of one's own as they are kept, all checked again when read (imports TensorFlow)."""

import shutil
from pathlib import Path
from typing import Any

from effq_core.base.errors import ModelError
from effq_core.models.own.card import GRAPH_FILE, WEIGHTS_FILE, OwnCard, content_hash
from effq_core.models.own.flat import FlatModel, build_flat
from effq_core.models.own.graph import GraphModel
from effq_core.models.weights import load_weights, read_weights, write_weights


def open_own(card: OwnCard) -> Any:
    """Builds a model from the store; ModelError if its files are gone or not those checked.

    From float32 ``(n, side, side, 3)``, RGB 0-255, to probabilities.
    """
    if content_hash(card.folder) != card.weights.sha256:
        raise ModelError(
            f"The files of {card.title} are not those that were checked.",
            f"Remove it with `effq models remove {card.id}` and add it again.",
        )
    return load_own(card.folder)


def load_own(folder: Path) -> Any:
    """Builds a model as :func:`open_own` does, of what is in a folder, or raises ModelError."""
    if (folder / GRAPH_FILE).is_file():
        return GraphModel(folder)
    model = build_flat(FlatModel.read(folder))
    load_weights(model, read_weights(folder / WEIGHTS_FILE), WEIGHTS_FILE, skip=frozenset())
    return model


def save_own(model: Any, card: OwnCard, classes: int, folder: Path) -> None:
    """Writes a model into a folder so that :func:`load_own` rebuilds it exactly."""
    if isinstance(model, GraphModel):
        shutil.copyfile(card.folder / GRAPH_FILE, folder / GRAPH_FILE)
        return
    FlatModel.read(card.folder).with_classes(classes).write(folder)
    write_weights(model, folder / WEIGHTS_FILE)
