"""Going through a folder of photos, the same way wherever that is done."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

from effq_core.base.errors import DatasetError

MOST_LINKED = 100_000  # entered by links or again for a class: links can go countless ways


def walk(
    root: Path,
    entries: Callable[[Path], Iterable[Path]],  # lists a folder; nothing where it cannot
    leave_out: Callable[[Path, str], None],  # told what is not gone through, and why
    # Returns for the parts of a folder's path below ``root`` what its photos belong to: each
    # folder counts once for it, however many links lead there.
    class_of: Callable[[tuple[str, ...]], Hashable],
) -> Iterator[Path]:
    """Yields what lies below a folder and is none; DatasetError where links lead to too many."""
    linked = 0
    known: dict[str, set[Hashable]] = {}
    waiting: list[tuple[Path, str, tuple[str, ...]]] = [(root, os.path.realpath(root), ())]
    while waiting:
        current, place, trail = waiting.pop()
        entered = known.setdefault(place, set())
        belongs = class_of(current.relative_to(root).parts)
        if belongs in entered:
            leave_out(current, "its class has this folder already, by another path")
            continue
        linked += bool(entered)
        entered.add(belongs)
        below: list[tuple[Path, str, tuple[str, ...]]] = []
        for entry in entries(current):
            if not is_folder(entry):
                yield entry
            elif not entry.is_symlink():
                below.append((entry, f"{place}/{entry.name}", trail))
            else:
                target = os.path.realpath(entry)
                if any(Path(each).is_relative_to(target) for each in (place, *trail)):
                    leave_out(entry, "a link to a folder it lies in")
                    continue
                linked += 1
                below.append((entry, target, (*trail, place)))
        if linked > MOST_LINKED:
            raise DatasetError(
                f"The links in {root} lead to more than {MOST_LINKED:,} folders.",
                "Remove those that link folders with each other.",
            )
        waiting.extend(reversed(below))


def is_folder(path: Path | os.DirEntry[str]) -> bool:
    """Returns whether a path is known to lead to a folder."""
    try:
        return path.is_dir()
    except OSError:  # what a link leads to may be nobody's business
        return False
