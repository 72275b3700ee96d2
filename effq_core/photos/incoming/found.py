"""What somebody gave, before anything of it is decoded: files by number, with names aside."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from effq_core.base.formatting import counted
from effq_core.photos.decode import EXTENSIONS
from effq_core.photos.index import Skipped
from effq_core.photos.listing import UNDECODED_EXTENSIONS

LITTER_FOLDERS = frozenset(("__macosx", ".appledouble", ".spotlight-v100", ".trashes", "@eadir"))
LITTER_FILES = frozenset((".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))
"""What macOS, Windows and storage boxes leave beside photos: left out without a word."""
ARCHIVES = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))
LABELS_FILE = "labels.csv"  # a file of this name at the top of an archive is its list of labels
LONGEST_NAME = 1000  # longest path taken, in characters. An archive may hold 65,535
DEEPEST = 30  # most folders within each other
_SHOWN = 200


@dataclass(frozen=True)
class FoundFile:
    """One photo as it was found."""

    name: str  # its path as it was given, with ``/`` and normalised; unique
    path: str  # where its content is: a name of ours that holds nothing of the given one
    bytes: int


@dataclass
class Found:
    """All that was found."""

    files: list[FoundFile] = field(default_factory=list)  # by name; whether images, is not known
    skipped: list[Skipped] = field(default_factory=list)
    litter: int = 0  # system files left out without a word
    labels: bytes | None = None  # content of :data:`LABELS_FILE`, where there is one
    outside: int = 0  # files taken that lie outside of the folder: links in it lead to them

    def skip(self, name: str, reason: str) -> None:
        """Leaves something out."""
        self.skipped.append(Skipped(shown(name), reason))

    def summary(self) -> str:
        """Says how much there is, for messages."""
        text = counted(len(self.files), "photo")
        return f"{text}, {len(self.skipped):,} left out" if self.skipped else text


def clean(name: str) -> str:
    """Makes a path comparable: ``/`` between its parts, none empty, and composed letters (NFC)."""
    path = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = "/".join(part for part in path.split("/") if part not in ("", "."))
    return f"{'/' * path.startswith('/')}{parts}{'/' * (bool(parts) and path.endswith('/'))}"


def shown(name: str) -> str:
    """Makes a path fit to be shown: one line of printable characters, not endless."""
    line = "".join(
        letter if unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for letter in name
    )
    return line if len(line) <= _SHOWN else f"{line[:90]}…{line[-(_SHOWN - 91) :]}"


def escapes(name: str) -> bool:
    """Returns whether a path leads out of the folder it is unpacked to, on any system."""
    parts = name.split("/")
    return name.startswith("/") or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":")


def is_litter(name: str) -> bool:
    """Returns whether a path is one of the files systems leave behind."""
    *folders, last = name.casefold().split("/")
    return (
        last in LITTER_FILES or last.startswith("._") or any(f in LITTER_FOLDERS for f in folders)
    )


def refused_kind(name: str) -> str | None:
    """Says by its name why a file is no photo; ``None`` where it may be one."""
    if len(name) > LONGEST_NAME or name.count("/") > DEEPEST:
        return "its path is too long"
    parts = name.split("/")
    extension = PurePosixPath(parts[-1]).suffix.casefold()
    if any(part.startswith(".") for part in parts):
        return "hidden"
    if extension in UNDECODED_EXTENSIONS:
        return f"{extension} is not supported; convert it to JPEG or PNG"
    if extension in ARCHIVES:
        return "an archive in the archive; unpack it first"
    if extension not in EXTENSIONS:
        return "not a photo by its name"
    return None
