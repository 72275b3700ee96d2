"""Ready ``.tflite`` files people bring, to be measured beside a run's variants."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effq_core.base.errors import ModelError, StoreError
from effq_core.base.files import read_json, remove_tree
from effq_core.base.settings import Home
from effq_core.experiment.variants import READY_PREFIX, is_ready
from effq_core.models.card import Label, Normalisation
from effq_core.models.file_input import Answers
from effq_core.models.own.card import CARD_FILE, Preprocessing
from effq_core.photos.image_input import ImageInput

MODEL_FILE = "model.tflite"
_FOLDER = "own_files"


@dataclass(frozen=True, kw_only=True)
class ReadyFile:
    """A file as it is, and what was said about it."""

    variant: str  # name of the variant it is in a run: ``file_`` and its slug
    title: str
    folder: Path
    labels: tuple[Label, ...]  # of its outputs, in their order
    preprocessing: Preprocessing  # what it expects of RGB 0–255; done to the pixels it is fed
    image_input: ImageInput  # what it takes of a photo
    answers: Answers  # how its outputs are read
    sha256: str
    size_bytes: int
    input_type: str  # such as ``float32`` or ``int8``
    added: float  # seconds since 1970
    fed: Normalisation | None = None  # what it is fed if not what its preprocessing says
    softmax: bool = False  # whether its outputs are scores, and a softmax comes after them

    @property
    def normalisation(self) -> Normalisation | None:
        """What is done to the pixels before it is fed; ``None`` where nothing is."""
        given = self.fed or self.preprocessing.normalisation
        return given and given.for_channels(self.image_input.channels)

    @property
    def image_size(self) -> int:
        """Side of its input in pixels."""
        return self.image_input.side

    def read(self) -> bytes:
        """Returns the file. Raises ModelError if it is gone or not the one that was checked."""
        try:
            content = (self.folder / MODEL_FILE).read_bytes()
        except OSError as error:
            raise ModelError(f"The file of {self.title} is gone.", "Add it again.") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"The file of {self.title} is not the one that was checked.", "Add it again."
            )
        return content


def ready_folder(home: Home) -> Path:
    """Returns the folder of all such files."""
    return home.models / _FOLDER


def ready_files(home: Home) -> tuple[ReadyFile, ...]:
    """Lists the files, by title; damaged entries are left out."""
    folder = ready_folder(home)
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if is_ready(f"{READY_PREFIX}{path.name}") and (path / CARD_FILE).is_file():
            try:
                found.append(_read(path))
            except StoreError:
                continue
    return tuple(sorted(found, key=lambda file: file.title.casefold()))


def get_ready(variant: str, home: Home) -> ReadyFile:
    """Looks a file up by its variant, or raises ModelError, or StoreError if it is damaged."""
    return _read(_folder_of(variant, home))


def _folder_of(variant: str, home: Home) -> Path:
    folder = ready_folder(home) / variant.removeprefix(READY_PREFIX)
    if not is_ready(variant) or not (folder / CARD_FILE).is_file():
        known = ", ".join(file.variant for file in ready_files(home)) or "none was added"
        raise ModelError(
            f"There is no file {variant[:60]!r} of your own.",
            f"Your files: {known}. `effq models add FILE.tflite` adds one.",
        )
    return folder


def remove_ready(variant: str, home: Home) -> None:
    """Removes a file, not what runs found with it, or raises ModelError or StoreError."""
    remove_tree(_folder_of(variant, home))


def _read(folder: Path) -> ReadyFile:
    remedy = f"Remove it with `effq models remove {READY_PREFIX}{folder.name}` and add it again."
    if not (folder / MODEL_FILE).is_file():
        raise StoreError(
            f"Your file {folder.name} has only a card; the model file is gone.", remedy
        )
    plain: dict[str, Any] = read_json(folder / CARD_FILE) or {}
    try:
        return ReadyFile(
            variant=f"{READY_PREFIX}{folder.name}",
            title=str(plain["title"]),
            folder=folder,
            labels=tuple(Label(str(name), wnid) for name, wnid in plain["labels"]),
            preprocessing=Preprocessing(plain["preprocessing"]),
            image_input=ImageInput.from_plain(plain),
            answers=Answers(logit=bool(plain.get("logit", False))),
            sha256=str(plain["file_sha256"]),
            size_bytes=int(plain["file_bytes"]),
            input_type=str(plain["file_format"]),
            added=float(plain["added"]),
            fed=_fed(plain.get("fed")),
            softmax=plain.get("softmax") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"The card of your file {folder.name} is damaged ({error!r}).", remedy
        ) from error


def _fed(plain: dict[str, Any] | None) -> Normalisation | None:
    if plain is None:
        return None
    scale, offset = float(plain["scale"]), float(plain["offset"])
    return Normalisation((scale,) * 3, (offset,) * 3)
