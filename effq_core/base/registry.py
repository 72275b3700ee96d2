"""A registry: the things of one kind there are, each a folder; what it does not know is refused."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Generic, Protocol, TypeVar

from effq_core.base.errors import EffqError


class Named(Protocol):
    """What can be registered: anything with a name of its own."""

    @property
    def name(self) -> str:
        """The key it is found under."""


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Things of one kind, in the order in which they were registered. There is no default.

    Args:
        kind: What one of them is called in messages: ``model family``.
        error: Raised for a name that is unknown or taken.
    """

    def __init__(self, kind: str, error: type[EffqError]) -> None:
        self._kind, self._error = kind, error
        self._known: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        try:
            return self._known[name]
        except KeyError:
            raise self._error(
                f"There is no {self._kind} {name!r}.", f"Choose from: {', '.join(self._known)}."
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._known.values()))

    def register(self, thing: T) -> None:
        """Adds one.

        Args:
            thing: What to add.

        Raises:
            EffqError: If its name is taken.
        """
        if thing.name in self._known:
            raise self._error(f"There already is a {self._kind} {thing.name!r}.")
        self._known[thing.name] = thing

    def add_folders(self, package: str, attribute: str) -> None:
        """Adds what each folder of a package holds, in the order of their names.

        Args:
            package: Such as ``effq_core.runtimes``.
            attribute: Name of the thing in each folder's ``__init__``.
        """
        for found in pkgutil.iter_modules(import_module(package).__path__):
            if found.ispkg:
                self.register(getattr(import_module(f"{package}.{found.name}"), attribute))
