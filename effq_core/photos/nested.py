"""Class folders that hold folders in place of photos: which of the two are the classes?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from effq_core.base import formatting as fmt

_SHARE = 0.9  # of photos one level deeper: then the lower folders may be the classes
_MOST_NAMED = 3


@dataclass(frozen=True)
class Nested:
    """What is known where most photos lie one folder deeper than a class has to."""

    above: tuple[str, ...]  # names of the upper folders
    below: tuple[str, ...]  # names of the folders in them, each once
    shared: tuple[str, ...]  # those that several upper folders have

    def warning(self, *, one_down: bool) -> str:
        """Says what is taken as classes, and what may be meant; empty where nothing else may."""
        if one_down:
            same = f"Folders of the same name are one class: {_named(self.shared)}."
            return same if self.shared else ""
        if len(self.above) == 1:
            return (
                f"The upper folder is one class only: {self.above[0]}."
                f" Its photos lie one level down: {_named(self.below)}."
            )
        return (
            f"The upper folders are taken as classes: {_named(self.above)}."
            f" Their photos lie one level down: {_named(self.below)}."
        )

    def choice(self) -> str:
        """Names what one can switch to."""
        return f"Use the {fmt.counted(len(self.below), 'folder')} one level down as classes"


def find_nested(paths: Iterable[Sequence[str]]) -> Nested | None:
    """Finds folders in class folders by ``paths`` below the dataset; ``None``: few, or one name."""
    inside = [path for path in paths if len(path) > 1]
    pairs = {(path[0], path[1]) for path in inside if len(path) > 2}
    below = [name for _, name in sorted(pairs)]
    names = tuple(sorted(set(below)))
    deep = sum(len(path) > 2 for path in inside)
    if len(names) < 2 or deep < _SHARE * len(inside):
        return None
    above = tuple(sorted({name for name, _ in pairs}))
    return Nested(above, names, tuple(name for name in names if below.count(name) > 1))


def _named(names: Sequence[str]) -> str:
    return fmt.some(names, _MOST_NAMED)
