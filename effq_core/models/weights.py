"""Reading files of weights and putting them into a model, with every shape checked."""

import hashlib
import os
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.downloads import download
from effq_core.base.errors import DownloadError, ModelError, StoreError
from effq_core.base.reporting import Reporter
from effq_core.base.settings import ASSETS, Home
from effq_core.models.card import ModelCard

# TypeError: an .npy file under the name .npz.
_BROKEN = (OSError, KeyError, ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile)
LayerWeights = dict[str, list[np.ndarray[Any, Any]]]  # by layer, as in ``layer.get_weights()``


def locate_weights(card: ModelCard, home: Home, reporter: Reporter) -> Path:
    """Finds weights by their hash, or downloads them; raises ModelError or DownloadError."""
    weights = card.weights
    if not card.bundled:
        target = home.models / weights.file
        if target.is_file() and _digest(target, "md5") == weights.md5:
            return target
        try:
            return download(weights.url, target, md5=weights.md5, reporter=reporter)
        except DownloadError as error:
            by_hand = (
                f"Without a network, fetch {weights.url} elsewhere and run"
                f" `effq models import {card.id} FILE`."
            )
            raise DownloadError(error.message, f"{error.hint} {by_hand}".strip()) from error
    path = ASSETS / "weights" / weights.file
    if not path.is_file():
        raise ModelError(f"The bundled weights {path} are missing.", "Install EffQ again.")
    if _digest(path, "sha256") != weights.sha256:
        raise ModelError(
            f"The bundled weights {path} are damaged: their SHA-256 differs.", "Install EffQ again."
        )
    return path


def import_weights(card: ModelCard, source: Path, home: Home) -> Path:
    """Puts fetched weights where a download would have; may raise ModelError or StoreError."""
    if card.bundled:
        raise ModelError(f"{card.title} is bundled.", "It can be used as it is.")
    if not source.is_file():
        raise ModelError(f"There is no file {source}.", "Check the path.")
    if _digest(source, "md5") != card.weights.md5:
        raise ModelError(
            f"{source} is not the published {card.weights.file}: "
            f"its MD5 is not {card.weights.md5}.",
            f"Fetch {card.weights.url} again.",
        )
    target = home.models / card.weights.file
    try:
        home.models.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}.",
            "Free some space or set EFFQ_HOME to another folder.",
        ) from error
    return target


def read_weights(path: Path) -> LayerWeights:
    """Reads float32 arrays by layer, ``.npz`` (``layer/i``) or ``.h5``, or raises ModelError."""
    try:
        return _read_npz(path) if path.suffix == ".npz" else _read_h5(path)
    except _BROKEN as error:
        raise ModelError(
            f"{path} is not a readable file of weights: {error}.",
            "Give an .npz with keys 'layer/i' or Keras' .h5 weights.",
        ) from error


def write_weights(model: Any, path: Path) -> None:
    """Writes a Keras model's weights as ``.npz`` with keys ``layer/i``, float32."""
    arrays = {
        f"{layer.name}/{i}": array
        for layer in model.layers
        for i, array in enumerate(layer.get_weights())
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)


def load_weights(model: Any, weights: LayerWeights, name: str, *, skip: frozenset[str]) -> None:
    """Puts weights into a model, each layer's but ``skip`` in its shapes, or raises ModelError."""
    wanted = {layer.name: layer for layer in model.layers if layer.weights}  # in graph order
    wrong = "These weights belong to another architecture; choose the model they were made for."
    unknown = sorted(set(weights) - set(wanted) - skip)
    if unknown:
        raise ModelError(f"{name} has weights of unknown layers: {', '.join(unknown[:5])}.", wrong)
    for layer_name, layer in wanted.items():
        if layer_name in skip:
            continue
        if layer_name not in weights:
            raise ModelError(f"{name} has no weights of layer {layer_name!r}.", wrong)
        expected = [tuple(w.shape) for w in layer.weights]
        found = [array.shape for array in weights[layer_name]]
        if expected != found:
            raise ModelError(
                f"{name}: layer {layer_name!r} has shapes {found}, the model needs {expected}.",
                wrong,
            )
        layer.set_weights(weights[layer_name])


def _read_npz(path: Path) -> LayerWeights:
    layers: dict[str, dict[int, np.ndarray[Any, Any]]] = {}
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            layer, _, index = key.rpartition("/")
            layers.setdefault(layer, {})[int(index)] = archive[key].astype(np.float32)
    return {layer: [arrays[i] for i in range(len(arrays))] for layer, arrays in layers.items()}


def _read_h5(path: Path) -> LayerWeights:
    import h5py  # comes with tf_keras; only needed for Keras' own downloads

    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        layers: LayerWeights = {}
        for raw in root.attrs["layer_names"]:
            layer = raw.decode() if isinstance(raw, bytes) else str(raw)
            names = root[layer].attrs["weight_names"]
            if len(names):
                layers[layer] = [np.asarray(root[layer][n], np.float32) for n in names]
        return layers


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
