"""Which class each photo is of: from its folder, from a list, or not known. Pure functions."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from effq_core.base.errors import DatasetError
from effq_core.base.formatting import counted, some
from effq_core.photos.incoming.columns import read_columns
from effq_core.photos.incoming.found import clean, shown
from effq_core.photos.index import TRAIN, VAL, Skipped
from effq_core.photos.listing import EVALUATION_FOLDERS, Nested, find_nested

LONGEST_LABEL = 100
_SEPARATORS = ",;\t"


class LabelSource(StrEnum):
    """Where labels come from."""

    FOLDERS = "folders"
    LIST = "list"
    NONE = "none"


@dataclass(frozen=True)
class Place:
    """What is known about one photo."""

    label: str | None  # name of its class; ``None`` where there are no labels
    split: str | None  # ``train`` or ``val`` where the photos come divided, else ``None``


@dataclass
class Labelled:
    """Photos with what is known about each."""

    source: LabelSource
    places: dict[str, Place] = field(default_factory=dict)  # by the photo's name
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what else a person should know, as sentences
    nested: Nested | None = None  # folders that may be meant as classes, if any
    one_down: bool = False  # whether those are taken


def from_folders(names: Sequence[str], *, one_down: bool = False) -> Labelled:
    """Reads classes from folders, as :class:`~effq_core.photos.folder.FolderDataset` does.

    A folder around everything, as archives have it, counts for nothing. Raises DatasetError if
    ``one_down`` finds no folders.
    """
    parts = {name: name.split("/") for name in names}
    depth = _wrapping(list(parts.values()))
    rest = {name: each[depth:] for name, each in parts.items()}
    splits = _splits(list(rest.values()))
    found = Labelled(LabelSource.FOLDERS, one_down=one_down)
    paths: list[list[str]] = []
    direct: dict[str, Place] = {}
    for name, each in rest.items():
        split = None
        if splits:
            if len(each) < 2 or each[0].casefold() not in splits:
                named = " and ".join(f"{folder}/" for folder in splits)
                found.skipped.append(Skipped(shown(name), f"outside {named}"))
                continue
            # A split is one only where there are both sides of it.
            split = splits[each[0].casefold()] if len(splits) == 2 else None
            each = each[1:]
        paths.append(each)
        if len(each) > 1 + one_down:
            found.places[name] = Place(_label(each[one_down]), split)
        else:
            direct[name] = Place(None, split)
    found.nested = find_nested(paths)
    if not found.places:
        if one_down:
            raise DatasetError(
                "The folders hold no folders with photos.",
                "Take the upper folders as classes, without --one-level-down.",
            )
        return Labelled(LabelSource.NONE, direct, found.skipped)
    found.skipped += [Skipped(shown(name), "outside any class folder") for name in direct]
    return found


def _wrapping(paths: list[list[str]]) -> int:
    """Counts the folders around everything, but not a split's own."""
    depth = 0
    while all(len(p) > depth + 1 for p in paths) and len({p[depth] for p in paths}) == 1:
        depth += 1
    return depth


def _splits(paths: list[list[str]]) -> dict[str, str]:
    tops = {path[0].casefold() for path in paths if len(path) > 1}
    deep = {path[0].casefold() for path in paths if len(path) > 2}
    train = TRAIN if TRAIN in tops else None
    val = next((name for name in EVALUATION_FOLDERS if name in tops), None)
    if train and val:
        return {train: TRAIN, val: VAL}
    only = train or val
    # "train" beside "bus" and "car" is a class of vehicles, not a split.
    return {only: TRAIN} if only is not None and only in deep else {}


def from_list(content: bytes, names: Sequence[str], called: str = "The list of labels") -> Labelled:
    """Reads classes from a list: of columns headed as the file and its label, or of just two.

    Photos without a label are skipped. Raises DatasetError if it is no such list, leaves open which
    columns these are, or names none of the photos.
    """
    photo_of = _finder(names)
    read = read_columns(_rows(content, called), photo_of, called)
    found = Labelled(LabelSource.LIST, notes=[read.note] if read.note else [])
    unknown: list[str] = []
    empty: list[str] = []
    labels: dict[str, set[str]] = {}
    for file, given in read.pairs:
        photo, label = photo_of(file), _label(given)
        if photo is None:
            unknown.append(clean(file))
        elif not label:
            empty.append(clean(file))
        else:
            labels.setdefault(photo, set()).add(label)
    for name in names:
        its = labels.get(name, set())
        if len(its) == 1:
            found.places[name] = Place(next(iter(its)), None)
        else:
            why = "has several labels in the list" if its else "has no label in the list"
            found.skipped.append(Skipped(shown(name), why))
    if not found.places:
        named = f" It names {_some(unknown)}." if unknown else ""
        raise DatasetError(
            f"{called} has a label for none of the {len(names):,} photos.{named}",
            "Write one line a photo: its file name as it is, a comma, and its label.",
        )
    if unknown:
        lines = counted(len(unknown), "line")
        found.notes.append(f"{lines} of the list name no photo here: {_some(unknown)}.")
    if empty:
        found.notes.append(f"The list gives no label for {_some(empty)}.")
    return found


def unlabelled(names: Iterable[str]) -> Labelled:
    """Returns photos of which nothing is known."""
    return Labelled(LabelSource.NONE, dict.fromkeys(names, Place(None, None)))


def _rows(content: bytes, called: str) -> list[list[str]]:
    text = _text(content)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, ""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise DatasetError(f"{called} cannot be read ({error}).", "Save it as CSV.") from error
    short = next((number for number, row in enumerate(rows, 1) if len(row) < 2), None)
    if not rows or short is not None:
        where = "is empty" if not rows else f"has no second column in line {short}"
        raise DatasetError(
            f"{called} {where}.", "Write one line a photo: its file name, a comma, and its label."
        )
    return rows


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _finder(names: Sequence[str]) -> Callable[[str], str | None]:
    """Returns what finds the photo meant: exact names win, then parts, then without endings."""
    ways: dict[str, set[str]] = {}
    bare: dict[str, set[str]] = {}
    for name in names:
        parts = name.split("/")
        tails = {"/".join(parts[start:]) for start in range(len(parts))}
        for tail in tails | {tail.casefold() for tail in tails}:
            ways.setdefault(tail, set()).add(name)
            bare.setdefault(tail.rpartition(".")[0], set()).add(name)
    several = bare | ways  # a name with its ending that means two photos means none without, either
    known = {way: next(iter(meant)) for way, meant in several.items() if way and len(meant) == 1}
    known |= {name: name for name in names}

    def find(text: str) -> str | None:
        file = clean(text)
        return known.get(file, known.get(file.casefold()))

    return find


def _label(text: str) -> str:
    line = " ".join(shown(clean(text)).split())
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 1]}…"


def _some(names: Sequence[str]) -> str:
    return some(list(map(shown, names)), 3)
