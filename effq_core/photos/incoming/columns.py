"""Which column of a list names the photo, and which one its class. Pure functions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.photos.decode import EXTENSIONS
from effq_core.photos.incoming.found import clean, shown
from effq_core.photos.incoming.limits import MAX_CSV_BYTES

FILES = frozenset((
    "file", "files", "filename", "filenames", "filepath", "filepaths", "fname", "id",
    "image", "images", "imagefile", "imagefilename", "imageid", "imagename", "imagepath",
    "img", "imgid", "imgname", "imgpath", "path", "paths", "photo", "photoid",
))  # fmt: skip
"""Headings of the column that names the photo, without what stands between words."""
LABELS = frozenset((
    "label", "labels", "labelname", "class", "classes", "classname", "breed", "species",
    "category", "categories", "categoryname", "target", "targetname",
))  # fmt: skip
"""Headings of the class."""
NUMBERS = frozenset(("labelid", "labelindex", "classid", "classindex", "categoryid", "targetid"))
"""Headings of the class's number, which is taken where there is no name."""
_SPLITS = re.compile(r"(is)?(train|training|val|valid|validation|test|testing|split|subset|fold)")
_INDEX = re.compile(r"(unnamed\d*|index|)")
_INTEGER = re.compile(r"\d{1,9}(\.0)?")
_ONE_HOT = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}
_MOST_NAMED = 6
Find = Callable[[str], str | None]  # returns the photo a cell names; ``None`` where it names none


@dataclass(frozen=True)
class Labels:
    """What a list says."""

    pairs: tuple[tuple[str, str], ...]  # photo and label as they are written, in their order
    headed: bool  # whether the first line is a heading
    note: str = ""  # which columns were read, where there are more than two; empty where not


def read_columns(rows: Sequence[Sequence[str]], find: Find, called: str) -> Labels:
    """Finds photos and labels in a table; DatasetError where it is not certain which columns."""
    return _Table([[cell.strip() for cell in row] for row in rows], find, called).read()


class _Table:
    def __init__(self, rows: list[list[str]], find: Find, called: str) -> None:
        self.find, self.called = find, called
        width = len(rows[0])
        if width * len(rows) > MAX_CSV_BYTES:  # every cell of a real list takes a byte or more
            raise DatasetError(
                f"{called} has {width:,} columns in line 1 and {len(rows):,} lines, which is too"
                " much.",
                self._hint(),
            )
        long = next((i for i, row in enumerate(rows, 1) if any(row[width:])), None)
        if long is not None:
            raise DatasetError(
                f"{called} has {len(rows[long - 1])} columns in line {long}, {width} in line 1.",
                "Put labels with commas into quotation marks.",
            )
        self.headed = self._is_heading(rows[0])
        self.heading = rows[0] if self.headed else [""] * width
        self.names = [re.sub(r"[\W_]+", "", name.casefold()) for name in self.heading]
        body = [(row + [""] * width)[:width] for row in rows[self.headed :]]
        self.columns = list(zip(*body, strict=True)) if body else [()] * width
        # Spreadsheets leave empty columns behind.
        self.used = [i for i, cells in enumerate(self.columns) if any(cells) or self.names[i]]

    def _is_heading(self, row: list[str]) -> bool:
        if any(PurePosixPath(clean(cell)).suffix.casefold() in EXTENSIONS for cell in row):
            return False
        names = {re.sub(r"[\W_]+", "", cell.casefold()) for cell in row}
        return bool(names & FILES) or not any(cell and self.find(cell) for cell in row)

    def read(self) -> Labels:
        if len(self.used) < 2:
            raise DatasetError(f"{self.called} has one column only.", self._hint())
        file = self._file()
        rest = [i for i in self.used if i != file and not self._is_index(i)]
        if not rest:
            raise DatasetError(f"{self.called} has no column of labels.", self._hint())
        headed = self._headed(rest, LABELS) or self._headed(rest, NUMBERS)
        if len(headed) > 1:
            headed = self._same(headed)
        if not headed and all(_SPLITS.fullmatch(self.names[i]) for i in rest):
            raise DatasetError(
                f"{self.called} has no column of labels: {self._named(rest)} divides the photos.",
                self._hint(),
            )
        if headed or len(rest) == 1:
            label = (headed or rest)[0]
            pairs = tuple(zip(self.columns[file], self.columns[label], strict=True))
            return Labels(pairs, self.headed, self._note(file, label))
        return self._one_hot(file, rest)

    def _file(self) -> int:
        """Returns the column whose cells name the most photos; of equal ones, by its heading."""
        labels = self._headed(self.used, LABELS | NUMBERS)
        among = [i for i in self.used if i not in labels] or self.used
        # Different photos: a class's number may name one, too, but always the same.
        counts = {i: len(set(map(self.find, self.columns[i])) - {None}) for i in among}
        most = max(counts.values(), default=0)
        if not most:  # nothing is found: the message names what stands where photos should
            return (self._headed(among, FILES) or among)[0]
        best = [i for i in among if counts[i] == most]
        if len(best) > 1:
            best = self._headed(best, FILES) or best
        photos = [list(map(self.find, self.columns[i])) for i in best]
        if any(each != photos[0] for each in photos) and len(self.used) > 2:
            raise DatasetError(
                f"{self.called} names photos in several columns: {self._named(best)}.", self._hint()
            )
        return best[0]

    def _is_index(self, column: int) -> bool:
        """Whether it counts the lines, as pandas writes in front, or only identifies them."""
        cells, name = self.columns[column], self.names[column]
        if not (_INDEX.fullmatch(name) or name in FILES):
            return False
        if not all(map(_INTEGER.fullmatch, cells)):
            return False
        numbers = [int(float(cell)) for cell in cells]
        if self.headed:  # pandas keeps the numbers of lines that were chosen or shuffled
            return len(set(numbers)) == len(numbers)
        return len(self.used) > 2 and numbers in [
            list(range(first, first + len(numbers))) for first in (0, 1)
        ]

    def _headed(self, among: Sequence[int], headings: frozenset[str]) -> list[int]:
        return [i for i in among if self.names[i] in headings]

    def _same(self, among: list[int]) -> list[int]:
        """Returns of columns that divide the photos alike the one with words in it."""
        first = among[0]
        for other in among[1:]:
            both = set(zip(self.columns[first], self.columns[other], strict=True))
            if not len(both) == len(set(self.columns[first])) == len(set(self.columns[other])):
                raise DatasetError(
                    f"{self.called} has several columns of labels: {self._named(among)}.",
                    self._hint(),
                )
        words = [i for i in among if not all(map(_INTEGER.fullmatch, self.columns[i]))]
        return words or among

    def _note(self, file: int, label: int) -> str:
        aside = [i for i in self.used if i not in (file, label) and not self._is_index(i)]
        if not aside:
            return ""
        return (
            f"Of the list, {self._named([file])} names the photo and {self._named([label])} its"
            f" class; not read: {self._named(aside)}."
        )

    def _one_hot(self, file: int, classes: list[int]) -> Labels:
        cells = zip(*(self.columns[i] for i in classes), strict=True)
        marks = [[_ONE_HOT.get(cell.casefold(), -1) for cell in row] for row in cells]
        if not self.headed or any(-1 in row for row in marks) or not marks:
            raise DatasetError(
                f"{self.called} has {len(self.used)} columns, and none is headed as the label:"
                f" {self._named(self.used)}.",
                self._hint(),
            )
        headings = [" ".join(self.heading[i].casefold().split()) for i in classes]
        if len(set(headings)) < len(headings) or not set(headings).isdisjoint({"", *_ONE_HOT}):
            raise DatasetError(
                f"{self.called} looks one-hot, but its columns are not named apart:"
                f" {self._named(classes)}.",
                "Name the columns after their classes in the first line, each once.",
            )
        number = next((n for n, row in enumerate(marks) if sum(row) != 1), None)
        if number is not None:
            raise DatasetError(
                f"{self.called} has {sum(marks[number])} classes for"
                f" {shown(self.columns[file][number])}, not one.",
                "Give every photo one class: one 1 in each line, or a column headed label.",
            )
        labels = [self.heading[classes[row.index(1)]] for row in marks]
        return Labels(
            tuple(zip(self.columns[file], labels, strict=True)),
            self.headed,
            f"The list is one-hot: its columns {self._named(classes)} are the classes.",
        )

    def _named(self, among: Sequence[int]) -> str:
        names = [shown(self.heading[i]) or f"column {i + 1}" for i in among]
        return fmt.some(names, _MOST_NAMED)

    def _hint(self) -> str:
        return (
            "Head the column of file names filename and that of classes label, or leave only these"
            " two."
        )
