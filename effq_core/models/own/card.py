"""What is known about an added model, and where it is kept; imports no TensorFlow."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from effq_core.base.errors import ModelError, StoreError
from effq_core.base.files import read_json, remove_tree, write_json
from effq_core.base.settings import Home
from effq_core.experiment.variants import Ranges, get_variant
from effq_core.models.card import Label, ModelCard, Normalisation, Weights
from effq_core.photos.image_input import COLOUR, ImageInput, Resize
from effq_core.tflite.naming import Names


class Preprocessing(StrEnum):
    """What a model expects of RGB 0–255; EffQ puts it inside the graph."""

    RAW = "raw"
    ZERO_ONE = "zero_one"
    MINUS_ONE_ONE = "minus_one_one"
    IMAGENET = "imagenet"
    CAFFE = "caffe"
    INSIDE = "inside"

    @property
    def label(self) -> str:
        """Name for people."""
        return _TITLES[self]

    @property
    def normalisation(self) -> Normalisation | None:
        """What is put in front of the model; ``None`` where nothing is."""
        return _NORMALISATIONS.get(self)


_NORMALISATIONS = {
    Preprocessing.ZERO_ONE: Normalisation.centred(0, 255),
    Preprocessing.MINUS_ONE_ONE: Normalisation.centred(127.5, 127.5),
    Preprocessing.IMAGENET: Normalisation.imagenet(),
    Preprocessing.CAFFE: Normalisation.caffe(),
}
_TITLES = {
    Preprocessing.RAW: "Raw RGB, 0 to 255",
    Preprocessing.ZERO_ONE: "0 to 1 (divided by 255)",
    Preprocessing.MINUS_ONE_ONE: "−1 to 1 (Keras' “tf” mode)",
    Preprocessing.IMAGENET: "ImageNet mean and deviation (“torch” mode)",
    Preprocessing.CAFFE: "BGR minus ImageNet's mean (Keras' “caffe” mode: VGG, ResNet50)",
    Preprocessing.INSIDE: "Inside the model (it takes 0 to 255)",
}


ARCHITECTURE = "own"  # what such a card names as its architecture
PREFIX = f"{ARCHITECTURE}:"  # how the identifier of such a model begins
CARD_FILE = "card.json"
FLAT_FILE = "flat.json"
WEIGHTS_FILE = "weights.npz"
GRAPH_FILE = "graph.pb"
CONTENT = (FLAT_FILE, WEIGHTS_FILE, GRAPH_FILE)  # files a model may consist of
_FOLDER = "own"
_SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_SLUG_LENGTH = 40
_TEXTS = ("file_name", "file_sha256", "file_format", "head_problem", "int8_problem")


@dataclass(frozen=True, kw_only=True)
class OwnCard(ModelCard):
    """An added model."""

    class_labels: tuple[Label, ...]  # its classes, in the order of its outputs
    folder: Path  # where its layers and weights, or its graph, are
    preprocessing: Preprocessing  # what was said about its input
    file_name: str  # name of the file it was made from
    file_sha256: str  # of that file
    file_bytes: int
    file_format: str  # such as ``Keras 3 (.keras)``
    qat_problems: tuple[str, ...]  # why fine-tuning is not offered; empty where it is
    head_problem: str  # why photos with other classes cannot be used; empty where they can
    int8_problem: str  # why post-training int8 is not offered; empty where it is
    notes: tuple[str, ...]  # what a reader must know, such as that a softmax was added
    added: float  # seconds since 1970
    channels: int = COLOUR  # of its input; 1 where photos are made grey
    resize: Resize = Resize.CROP  # how photos become its square
    names: Names | None = None  # what its parts are called; cards of older versions do not say
    few_bits_problem: str = ""  # why weights cannot have fewer than eight bits; likewise
    train_problem: str = ""  # why an integer file of it cannot be trained; likewise

    @property
    def image_input(self) -> ImageInput:
        """What it takes of a photo."""
        return ImageInput(self.image_size, self.resize, self.channels)

    @property
    def head_labels(self) -> tuple[Label, ...]:
        """Its classes, in the order of its outputs."""
        return self.class_labels

    @property
    def bundled(self) -> bool:
        """Whether it comes with EffQ: never."""
        return False

    @property
    def trainable(self) -> bool:
        """Whether it is kept as layers, which can be fine-tuned, or as a graph."""
        return not self.qat_problems

    def is_present(self, home: Home) -> bool:
        """Whether it is still there."""
        del home  # it knows its folder
        return (self.folder / CARD_FILE).is_file()


def is_own(model_id: str) -> bool:
    """Returns whether an identifier is one of a model people brought."""
    return model_id.startswith(PREFIX)


def slug_of(name: str) -> str:
    """Makes lower-case letters, digits and single underscores of a name, or raises ModelError."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.casefold())[:_SLUG_LENGTH].strip("_")
    if not slug:
        raise ModelError(
            f"No identifier can be made of the name {name[:60]!r}.",
            "Give a name with letters a to z or digits.",
        )
    return slug


def own_folder(home: Home) -> Path:
    """Returns the folder of all such models."""
    return home.models / _FOLDER


def model_folder(home: Home, model_id: str) -> Path:
    """Returns a model's folder, there or not; raises ModelError for what no path may be made of."""
    slug = model_id.removeprefix(PREFIX)
    if not is_own(model_id) or not _SLUG.fullmatch(slug):
        raise _unknown(home, model_id)
    return own_folder(home) / slug


def own_models(home: Home) -> tuple[OwnCard, ...]:
    """Lists the models people brought, by title; damaged ones are left out."""
    folder = own_folder(home)
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    found = []
    for name in names:
        if _SLUG.fullmatch(name) and (folder / name / CARD_FILE).is_file():
            try:
                found.append(read_card(folder / name, name))
            except StoreError:
                continue
    return tuple(sorted(found, key=lambda card: card.title.casefold()))


def get_own(model_id: str, home: Home) -> OwnCard:
    """Looks a model up, or raises ModelError, or StoreError if its card is damaged."""
    folder = model_folder(home, model_id)
    if not (folder / CARD_FILE).is_file():
        raise _unknown(home, model_id)
    return read_card(folder, folder.name)


def remove_own_model(model_id: str, home: Home) -> None:
    """Removes a model, not what runs found with it, or raises ModelError or StoreError."""
    folder = model_folder(home, model_id)
    if not folder.is_dir():
        raise _unknown(home, model_id)
    remove_tree(folder)


def content_hash(folder: Path) -> str:
    """Returns one SHA-256 of everything a model consists of: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in CONTENT:
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                digest.update(f"{name}:{hashlib.file_digest(file, 'sha256').hexdigest()};".encode())
    return digest.hexdigest()


def write_card(folder: Path, plain: dict[str, Any]) -> None:
    """Writes a card; :func:`read_card` says what it must hold."""
    write_json(folder / CARD_FILE, {"format": 1, "content": content_hash(folder), **plain})


def read_card(folder: Path, slug: str) -> OwnCard:
    """Reads a card. Raises StoreError if it is damaged, or the model it describes is gone."""
    if not any((folder / name).is_file() for name in CONTENT):
        raise StoreError(
            f"Your model {slug} has only a card: its layers and weights are gone.",
            f"Remove it with `effq models remove {PREFIX}{slug}` and add it again.",
        )
    plain = read_json(folder / CARD_FILE) or {}
    try:
        labels = tuple(Label(str(name), wnid) for name, wnid in plain["labels"])
        preprocessing, entry = Preprocessing(plain["preprocessing"]), ImageInput.from_plain(plain)
        told: dict[str, Any] = {name: str(plain[name]) for name in _TEXTS}
        told |= {name: tuple(map(str, plain[name])) for name in ("qat_problems", "notes")}
        return OwnCard(
            id=f"{PREFIX}{slug}",
            title=str(plain["title"]),
            architecture=ARCHITECTURE,
            image_size=entry.side,
            channels=entry.channels,
            resize=entry.resize,
            parameters=int(plain["parameters"]),
            labels=f"{PREFIX}{slug}",
            normalisation=preprocessing.normalisation or Normalisation((1,) * 3, (0,) * 3),
            weights=Weights(f"{_FOLDER}/{slug}", sha256=str(plain["content"])),
            licence="yours",
            source=f"Your file {plain['file_name']} ({plain['file_format']}).",
            summary=_summary(plain, len(labels)),
            class_labels=labels,
            folder=folder,
            preprocessing=preprocessing,
            **told,
            file_bytes=int(plain["file_bytes"]),
            added=float(plain["added"]),
            names=Names.from_dict(plain["names"]) if plain.get("names") else None,
            few_bits_problem=str(plain.get("few_bits_problem", "")),
            train_problem=str(plain.get("train_problem", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"The card of your model {slug} is damaged ({error!r}).",
            f"Remove it with `effq models remove {PREFIX}{slug}` and add it again.",
        ) from error


def variant_problem(card: OwnCard, variant: str) -> str:
    """Says why a variant of a model cannot be made; empty where it can be made."""
    row = get_variant(variant)
    in_keras = (row.trained and not row.trains_file) or row.ranges is Ranges.FAKE_QUANT
    if in_keras and card.qat_problems:
        return f"{card.title} cannot be fine-tuned: {'; '.join(card.qat_problems)}."
    if row.ranges in (Ranges.METHOD, Ranges.OWN) and card.int8_problem:
        return f"{card.title} cannot be made int8: {card.int8_problem}."
    if 0 < row.weight_bits < 8 and card.few_bits_problem:
        return f"{card.title} would gain nothing from {row.title}: {card.few_bits_problem}."
    if row.trains_file and card.train_problem:
        return f"{card.title} cannot become {row.title}: {card.train_problem}."
    return ""


def _summary(plain: dict[str, Any], classes: int) -> str:
    ways = "all variants" if not plain["qat_problems"] else "variants without fine-tuning"
    given, entry = Preprocessing(plain["preprocessing"]).label, ImageInput.from_plain(plain)
    unusual = "" if entry == ImageInput(entry.side) else f"; {entry.text}"
    return f"Your own: {classes:,} classes, {ways}. Input: {given}{unusual}."


def _unknown(home: Home, model_id: str) -> ModelError:
    known = ", ".join(card.id for card in own_models(home)) or "none was added"
    return ModelError(
        f"There is no model {model_id[:60]!r} of your own.",
        f"Your models: {known}. `effq models add FILE` adds one.",
    )
