"""One table for the things of a kind: each registers itself, and an unknown name is refused."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from effq_core.base.errors import ExperimentError, InputError


class Named(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """Identifier in files, tables and the command line."""


_T = TypeVar("_T", bound=Named)


class Registry(Generic[_T]):
    """Things of one ``kind`` by name; no two share a ``unique`` attribute; sorted by ``order``."""

    def __init__(
        self, kind: str, *, unique: Sequence[str] = (), order: Callable[[_T], Any] | None = None
    ) -> None:
        self._kind, self._unique, self._order = kind, ("name", *unique), order
        self._rows: dict[str, _T] = {}

    def register(self, row: _T) -> None:
        """Adds one, or raises InputError if it shares with another what must be its own."""
        for what in self._unique:
            value, taken = getattr(row, what), [getattr(each, what) for each in self._rows.values()]
            if value in taken:
                raise InputError(
                    f"There are two {self._kind}s of the {what} {value!r}: "
                    f"{self.values()[taken.index(value)].name} and {row.name}.",
                    f"Taken: {', '.join(map(str, taken))}.",
                )
        self._rows[row.name] = row
        if self._order is not None:
            self._rows = {each.name: each for each in sorted(self._rows.values(), key=self._order)}

    def __getitem__(self, name: str) -> _T:
        if name not in self:
            raise ExperimentError(
                f"There is no {self._kind} {name!r}.", f"Choose from: {', '.join(self._rows)}."
            )
        return self._rows[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def values(self) -> tuple[_T, ...]:
        """Returns all, in order."""
        return tuple(self._rows.values())


def import_folders(package: str, path: Sequence[str], *, files: bool = False) -> None:
    """Imports every folder (and file) of a package, so that what lies in it registers itself."""
    for found in pkgutil.iter_modules(path):
        if found.ispkg or files:
            importlib.import_module(f"{package}.{found.name}")


def resolve(where: str) -> Any:
    """Imports ``module:name``; may raise ImportError or AttributeError."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)
