"""From a model card to a float classifier, in a worker process (imports TensorFlow)."""

import json
import shutil
from pathlib import Path
from typing import Any

from effq_core.base.errors import ModelError
from effq_core.base.reporting import Reporter
from effq_core.base.settings import Home
from effq_core.models.card import Label, ModelCard
from effq_core.models.catalogue import CONFIG, get_model, read_labels
from effq_core.models.families.family import HEAD, NORMALISE, family_of
from effq_core.models.own.card import GRAPH_FILE, WEIGHTS_FILE, OwnCard, content_hash, is_own
from effq_core.models.own.flat import FlatModel, build_flat
from effq_core.models.own.graph import GraphModel
from effq_core.models.weights import load_weights, locate_weights, read_weights, write_weights


def open_own(card: OwnCard) -> Any:
    """Builds a stored model of RGB 0-255; ModelError if its files are gone or not those checked."""
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


_WEIGHTS = "weights.npz"


def build_model(
    card: ModelCard,
    home: Home,
    reporter: Reporter,
    *,
    image_size: int | None = None,
    weights_file: Path | None = None,
) -> Any:
    """Builds a model with its own head and its trained weights, or those of ``weights_file``.

    From float32 ``(n, side, side, 3)``, RGB 0-255, to probabilities. Raises ModelError if the
    weights do not fit, DownloadError if they cannot be had.
    """
    path = weights_file or locate_weights(card, home, reporter)
    model = family_of(card).build(
        card, classes=len(card.head_labels), image_size=image_size or card.image_size
    )
    load_weights(model, read_weights(path), path.name, skip=frozenset({NORMALISE}))
    return model


def replace_head(model: Any, card: ModelCard, classes: int) -> Any:
    """Copies a model under an untrained softmax head of another width."""
    new = family_of(card).build(card, classes=classes, image_size=model.input_shape[1])
    for layer in new.layers:
        if layer.name != HEAD and layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return new


def save_model(model: Any, card: ModelCard, labels: tuple[Label, ...], folder: Path) -> None:
    """Writes a model into a folder so that :func:`load_model` rebuilds it exactly."""
    if isinstance(card, OwnCard):
        save_own(model, card, len(labels), folder)
    else:
        write_weights(model, folder / _WEIGHTS)
    config = {
        "model": card.id,
        "image_size": int(model.input_shape[1]),
        "labels": [{"name": label.name, "wnid": label.wnid} for label in labels],
    }
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def load_model(folder: Path) -> tuple[Any, tuple[Label, ...]]:
    """Rebuilds a ``tf_keras.Model`` and labels :func:`save_model` wrote, or raises ModelError."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    labels = read_labels(folder)
    if is_own(config["model"]):
        return load_own(folder), labels
    card = get_model(config["model"])
    size = config["image_size"]
    model = family_of(card).build(card, classes=len(labels), image_size=size)
    load_weights(model, read_weights(folder / _WEIGHTS), str(folder), skip=frozenset())
    return model, labels
