"""Dataclasses as plain JSON values and back, so that none writes its fields down a second time."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from effq_core.base.files import reading


class Plain:
    """A dataclass stored as JSON: of JSON values, enumerations, bytes, tuples, mappings."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Returns its fields as plain JSON values."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds one from :meth:`to_dict`, or raises TypeError or ValueError."""
        found: Self = _rebuilt(cls, plain)
        return found


class Record(Plain):
    """One that is a file of its own, ``FILE``, in a stage's folder; ``WHAT`` begins a sentence."""

    FILE: ClassVar[str]
    WHAT: ClassVar[str]

    def save(self, folder: Path) -> None:
        """Writes its file."""
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        (folder / self.FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what :meth:`save` wrote. Raises StoreError if it is missing or damaged."""
        with reading(cls.WHAT, folder):
            return cls.from_dict(json.loads((folder / cls.FILE).read_text(encoding="utf-8")))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if is_dataclass(value):
        write: Callable[[Any], Any] = getattr(type(value), "to_dict", Plain.to_dict)
        return write(value)
    return value


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """Returns what makes a value of a type out of JSON's."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (own,) = (_reader(each) for each in args if each is not NoneType)
        return lambda value: None if value is None else own(value)
    if origin is tuple and args[-1] is Ellipsis:
        each_of = _reader(args[0])
        return lambda values: tuple(map(each_of, values))
    if origin is tuple:
        readers = [_reader(each) for each in args]
        return lambda values: tuple(read(each) for read, each in zip(readers, values, strict=True))
    if origin in (dict, Mapping):
        value_of = _reader(args[1])
        return lambda values: {key: value_of(each) for key, each in values.items()}
    if hint is bytes:
        return base64.b64decode
    if is_dataclass(hint):
        return getattr(hint, "from_dict", None) or partial(_rebuilt, hint)
    return hint if isinstance(hint, type) and issubclass(hint, Enum) else lambda value: value


@cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    return {each.name: _reader(hints[each.name]) for each in fields(kind)}


def _rebuilt(kind: Any, plain: Mapping[str, Any]) -> Any:
    if not isinstance(plain, Mapping):
        raise TypeError(f"{plain!r} is no {kind.__name__}")
    readers = _readers(kind).items()
    return kind(**{name: read(plain[name]) for name, read in readers if name in plain})
