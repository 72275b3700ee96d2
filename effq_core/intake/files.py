"""Reading what a model file says of itself, as data. Only called in the checking process."""

import json
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError

MAX_CONFIG = 32 << 20  # bytes of a configuration; ResNet152's has 0.4 MiB
MAX_UNPACKED = 4 << 30  # bytes of all of an archive, counted while they are read
MAX_GRAPH = 64 << 20  # bytes of a SavedModel's graph, whose weights are in other files
_MOST_MEMBERS = 2_000
_BLOCK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError)
_WEIGHTS = "model.weights.h5"
_BROKEN_H5 = (OSError, RuntimeError, KeyError)
_KERAS_MEMBERS = re.compile(r"(?:config\.json|metadata\.json|model\.weights\.h5|assets/.*)")
_SAVED_MODEL = "saved_model.pb"
_VARIABLES = re.compile(r"variables/variables\.(?:index|data-\d{5}-of-\d{5})")


class Format(StrEnum):
    """What kind of file it is."""

    TFLITE = "tflite"
    KERAS = "keras"
    H5 = "h5"
    SAVED_MODEL = "saved_model"


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file and what it says of itself."""

    path: Path  # the file; for a SavedModel the folder it was unpacked to
    format: Format
    keras: int  # major version of Keras that wrote it; 0 for a SavedModel
    version: str
    config: dict[str, Any]  # its configuration, JSON values; empty for a SavedModel

    @property
    def title(self) -> str:
        """Name of the format for people."""
        if self.format is Format.SAVED_MODEL:
            return "SavedModel"
        if self.format is Format.TFLITE:
            return "ready .tflite"
        return f"Keras {self.version} (.{self.format})"


def read_file(path: Path, scratch: Path) -> ModelFile:
    """Finds out what a file is by its content, and reads its configuration; or ModelError."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return _read_h5(path)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _read_zip(path, scratch)
    if start[4:8] == b"TFL3":
        return ModelFile(path=path, format=Format.TFLITE, keras=0, version="", config={})
    raise ModelError(
        "The file is neither a .keras nor an .h5 nor a .tflite file nor a zip with a SavedModel: "
        f"it begins with {start!r}.",
        "Save the model with model.save('model.keras'), or zip the folder of a SavedModel.",
    )


def _read_h5(path: Path) -> ModelFile:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _refuse_links(h5py, file)
            text, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
    except _BROKEN_H5 as error:
        raise ModelError(f"The .h5 file cannot be read: {str(error)[:200]}.", _AGAIN) from error
    if text is None:
        raise ModelError(
            "The .h5 file holds weights only: it does not say which layers they belong to.",
            "Save the whole model with model.save(…), not with save_weights(…).",
        )
    return _keras_file(path, Format.H5, text, version)


def _refuse_links(h5py: Any, group: Any) -> None:
    """Refuses datasets whose content is in other files: HDF5 would open any path they name."""
    waiting = [group]
    while waiting:
        each = waiting.pop()
        for name in each:
            link = each.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelError(f"The .h5 file has a link ({str(name)[:60]!r}).", _AGAIN)
            found = each[name]
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
                raise ModelError(
                    f"The .h5 file refers to another file ({str(name)[:60]!r}).", _AGAIN
                )


def _read_zip(path: Path, scratch: Path) -> ModelFile:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if len(names) > _MOST_MEMBERS:
                raise ModelError(f"The archive has {fmt.count(len(names))} entries.", _AGAIN)
            if any(entry.flag_bits & 1 for entry in archive.infolist()):
                raise ModelError("The archive is encrypted.", "Make it without a password.")
            if "config.json" in names:
                return _read_keras(path, archive, names, scratch)
            return _read_saved_model(archive, names, scratch)
    except _BROKEN as error:
        raise ModelError(f"The archive is damaged: {str(error)[:200]}.", _AGAIN) from error


def _read_keras(path: Path, archive: zipfile.ZipFile, names: list[str], scratch: Path) -> ModelFile:
    strange = [name for name in names if not _KERAS_MEMBERS.fullmatch(name)]
    if strange or len(set(names)) < len(names):
        odd = strange[0] if strange else "a name twice"
        raise ModelError(f"The .keras file holds something unexpected: {odd[:60]!r}.", _AGAIN)
    if any(name.startswith("assets/") and not name.endswith("/") for name in names):
        raise ModelError(
            "The .keras file has assets, such as a vocabulary: no image classifier needs one.",
            "Save the classifier alone.",
        )
    # Keras unpacks the weights by itself; what comes out of them is counted here before.
    total = sum(_length(archive, name) for name in names)
    if total > MAX_UNPACKED:
        raise ModelError(f"The file unpacks to more than {fmt.size(MAX_UNPACKED)}.", _AGAIN)
    if _WEIGHTS in names:
        _look_at_weights(archive, scratch / _WEIGHTS)
    config = _member(archive, "config.json", MAX_CONFIG)
    metadata: dict[str, Any] = {}
    if "metadata.json" in names:
        metadata = _json(_member(archive, "metadata.json", MAX_CONFIG), "metadata.json")
    return _keras_file(path, Format.KERAS, config, metadata.get("keras_version"))


def _look_at_weights(archive: zipfile.ZipFile, copy: Path) -> None:
    """Refuses links in the weights of a ``.keras`` file, as in any other HDF5 file."""
    import h5py

    try:
        with archive.open(_WEIGHTS) as source, copy.open("xb") as target:
            _copy(source, target, MAX_UNPACKED, _WEIGHTS)
        with h5py.File(copy, "r") as file:
            _refuse_links(h5py, file)
    except _BROKEN_H5 as error:
        raise ModelError(f"Its weights cannot be read: {str(error)[:200]}.", _AGAIN) from error
    finally:
        copy.unlink(missing_ok=True)


def _read_saved_model(archive: zipfile.ZipFile, names: list[str], scratch: Path) -> ModelFile:
    found = [name for name in names if name.rpartition("/")[2] == _SAVED_MODEL]
    if len(found) != 1:
        what = "no saved_model.pb" if not found else "several files saved_model.pb"
        raise ModelError(
            f"The zip is neither a .keras file nor a SavedModel: it has {what}.",
            "Zip the folder that holds saved_model.pb and variables/.",
        )
    prefix = found[0].removesuffix(_SAVED_MODEL)
    target = scratch / "saved_model"
    (target / "variables").mkdir(parents=True)
    room = MAX_UNPACKED
    for name in dict.fromkeys(names):
        inner = name.removeprefix(prefix)
        # These names only, which come from the patterns and not from the archive, become files.
        if name.startswith(prefix) and (inner == _SAVED_MODEL or _VARIABLES.fullmatch(inner)):
            limit = MAX_GRAPH if inner == _SAVED_MODEL else room
            with archive.open(name) as source, (target / inner).open("xb") as file:
                room -= _copy(source, file, min(limit, room), inner)
        elif inner.startswith("assets/") and not inner.endswith("/"):
            raise ModelError(
                f"The SavedModel has the asset {inner[:60]!r}: no image classifier needs one.",
                "Save the classifier alone.",
            )
    return ModelFile(path=target, format=Format.SAVED_MODEL, keras=0, version="", config={})


def _keras_file(path: Path, kind: Format, text: Any, version: Any) -> ModelFile:
    config = _json(text, "configuration")
    version = version.decode() if isinstance(version, bytes) else str(version or "2")
    major = int(match.group()) if (match := re.match(r"\d+", version)) else 2
    if major not in (1, 2, 3):
        raise ModelError(
            f"The file was written by Keras {version[:20]}.", "Keras 2 and 3 are read."
        )
    return ModelFile(
        path=path, format=kind, keras=3 if major == 3 else 2, version=version[:20], config=config
    )


def _json(text: Any, what: str) -> dict[str, Any]:
    if isinstance(text, (bytes, str)) and len(text) > MAX_CONFIG:
        raise ModelError(f"The file's {what} has more than {fmt.size(MAX_CONFIG)}.", _AGAIN)
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"The file's {what} is not JSON: {str(error)[:120]}.", _AGAIN) from error
    if not isinstance(value, dict):
        raise ModelError(f"The file's {what} is not that of a model.", _AGAIN)
    return value


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ModelError(f"{name} in the file has more than {fmt.size(limit)}.", _AGAIN)
    return content


def _length(archive: zipfile.ZipFile, name: str) -> int:
    """Counts a member's bytes, at most one block more than are taken: its header may lie."""
    total = 0
    with archive.open(name) as file:
        while total <= MAX_UNPACKED and (block := file.read(_BLOCK)):
            total += len(block)
    return total


def _copy(source: IO[bytes], target: IO[bytes], limit: int, name: str) -> int:
    total = 0
    while block := source.read(_BLOCK):
        total += len(block)
        if total > limit:
            raise ModelError(f"{name} unpacks to more than {fmt.size(limit)}.", _AGAIN)
        target.write(block)
    return total


_AGAIN = "Save the model again with model.save('model.keras'), and give that file."
