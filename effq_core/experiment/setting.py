"""What is known of each choice, once: its checks, option, widget, sweep axis and JSON follow."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from effq_core.base.checks import check_count, check_range, known, one, one_of
from effq_core.base.errors import ExperimentError
from effq_core.experiment.variants import Variant, get_variant

MOST_VALUES = 1_000  # values of one list


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a setting makes a difference to."""

    variant: Callable[[Variant], bool] = lambda _: True
    # Whether beside the other settings of its part, where that is asked for.
    part: Callable[[Any], bool] = lambda _: True
    why: str  # why it makes none where this does not hold; follows "no effect, as"
    remedy: str  # what to choose instead; begins a sentence


@dataclass(frozen=True, kw_only=True)
class Axis:
    """How a sweep varies a setting."""

    name: str = ""  # of its list of values, in files
    title: str = ""  # of several values, for people
    words: Callable[[Any], str] = str  # what sets a run of one value apart
    values: tuple[Any, ...] = ()  # what the form offers
    help: str = ""
    option: str = ""  # a second name of the option


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One choice."""

    noun: str = ""  # what it is, inside a sentence; of one value, where it is a list
    title: str = ""  # on the form, which does not ask for it without
    help: str = ""
    unit: str = ""
    bounds: tuple[float, float] | None = None
    # Returns the values there are, with their titles.
    choices: Callable[[], Mapping[Any, str]] | None = None
    # Returns values the command line names, where there may be others.
    names: Callable[[], Iterable[str]] = tuple
    suggested: tuple[Any, ...] = ()  # values the form offers; it then asks for no other
    slider: bool = False  # whether the form has a slider for it
    step: float = 1
    digits: int = 0  # after the point, on the form
    write: Callable[[Any], str] = str  # writes a value
    nothing: str = ""  # what ``None`` stands for
    all: bool = False  # whether the command line calls ``None`` ``all``
    option: str = ""  # on the command line, which does not ask for it without
    panel: str = ""  # where options and widgets of its kind stand together
    key: str = ""  # of its widget; its name, if not given
    use: Use | None = None
    axis: Axis = Axis()  # how a sweep varies it; without a name, not at all
    # Of a part and its settings: the variant they are about; without it, the part is ``None``.
    variant: str = ""
    # Whether JSON leaves the default out, so that what is older keeps its fingerprint.
    omitted: bool = False
    name: str = ""  # of the field; this and what follows is read off it
    part: str = ""  # name of the part of the experiment; empty for the experiment's own
    kind: Any = object
    optional: bool = False
    many: bool = False
    default: Any = None

    @property
    def path(self) -> str:
        """Name of the field, behind that of its part and a dot."""
        return f"{self.part}.{self.name}" if self.part else self.name

    @property
    def label(self) -> str:
        """Its title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def is_part(self) -> bool:
        """Whether it consists of settings."""
        return issubclass(self.kind, Described)

    def matters(self, experiment: Any) -> bool:
        """Returns whether it makes a difference to what an experiment makes."""
        if self.use is None:
            return True
        part = getattr(experiment, self.part) if self.part else None
        return any(self.use.variant(get_variant(name)) for name in experiment.variants) and (
            part is None or self.use.part(part)
        )

    def of(self, experiment: Any) -> Any:
        """Returns its value in an experiment; its usual one, where its part is not asked for."""
        owner = getattr(experiment, self.part) if self.part else experiment
        return self.default if owner is None else getattr(owner, self.name)

    def text(self, value: Any) -> str:
        """Writes a value for people."""
        if value is None:
            return self.nothing
        return self.choices()[value] if self.choices else self.write(value)

    def checked(self, value: Any) -> Any:
        """Returns a value as the experiment keeps it."""
        if value is None and self.optional:
            return None
        if not self.many:
            return self._checked(value, f"The {self.noun}")
        if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
            raise ExperimentError(f"The {self.noun}s are {value!r}.", "Give a list.")
        if self.default and not value:
            raise ExperimentError(f"No {self.noun} was chosen.", "Choose at least one.")
        if len(value) > MOST_VALUES:
            raise ExperimentError(f"{len(value):,} {self.noun}s are too many.")
        return tuple(sorted({self._checked(each, one(self.noun).capitalize()) for each in value}))

    def _checked(self, value: Any, subject: str) -> Any:
        if self.choices:
            return one_of(self.noun, value, self.choices())
        if self.bounds:
            check = check_count if self.kind is int else check_range
            check(subject, value, self.bounds)
        elif not isinstance(value, self.kind) or (self.many and not value):
            raise ExperimentError(f"{subject} is {value!r}.", "Give its name.")
        return value


def setting(default: Any, **words: Any) -> Any:
    """Returns a field of a :class:`Described` dataclass; ``words`` are :class:`Setting`'s."""
    usual = {"default_factory" if callable(default) else "default": default}
    return field(**usual, metadata={"setting": Setting(**words)})


@dataclass(frozen=True, kw_only=True)
class Described:
    """A choice made of settings: every field is a :func:`setting`."""

    PANEL: ClassVar[str] = ""  # where options and widgets stand that name no other panel

    def __post_init__(self) -> None:
        for each in settings(type(self)):
            object.__setattr__(self, each.name, each.checked(getattr(self, each.name)))

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Returns it with other values, by path; ``ExperimentError`` if one is out of range."""
        own: dict[str, Any] = {}
        parts: dict[str, dict[str, Any]] = {}
        for path, value in values.items():
            part, _, name = path.rpartition(".")
            (parts.setdefault(part, {}) if part else own)[name] = value
        kinds = {each.name: each.kind for each in settings(type(self))}
        for part, inner in parts.items():
            base = own.get(part) or getattr(self, part) or kinds[part]()
            own[part] = base.changed(inner)
        return replace(self, **own)

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON values; what is omitted where it is usual, left out."""
        plain = {
            each.name: value.to_dict() if isinstance(value, Described) else value
            for each in settings(type(self))
            if (value := getattr(self, each.name)) != each.default or not each.omitted
        }
        found: dict[str, Any] = json.loads(json.dumps(plain))
        return found

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Rebuilds it, with defaults; ``ExperimentError`` for unknown keys and values."""
        values = known(cls, plain)
        for each in settings(cls):
            given = values.get(each.name, each.default)
            if (
                each.is_part
                and not isinstance(given, Described)
                and (given is not None or not each.optional)
            ):
                values[each.name] = each.kind.from_dict(given)
        return cls(**values)


def settings(kind: type[Any]) -> tuple[Setting, ...]:
    """Returns the settings of a dataclass, in the order of its fields."""
    hashable: Any = kind
    return _settings(hashable)


@cache
def _settings(kind: type[Any]) -> tuple[Setting, ...]:
    hints, found = get_type_hints(kind), []
    for each in fields(kind):
        hint = hints[each.name]
        given = [arg for arg in get_args(hint) if arg not in (type(None), ...)]
        many = get_origin(hint) is tuple
        words = each.metadata["setting"]
        found.append(
            replace(
                words,
                name=each.name,
                panel=words.panel or kind.PANEL,
                kind=given[0] if given else hint,
                optional=type(None) in get_args(hint),
                many=many,
                default=each.default if each.default_factory is MISSING else each.default_factory(),
            )
        )
    return tuple(found)


def walk(kind: type[Described]) -> Iterator[Setting]:
    """Goes through the settings of a dataclass and of its parts, each part before its own."""
    for each in settings(kind):
        yield each
        if each.is_part:
            for inner in settings(each.kind):
                yield replace(inner, part=each.name, variant=each.variant)


def titles(kind: type[StrEnum], *words: str) -> Callable[[], Mapping[Any, str]]:
    """Returns a function that returns the members of an enumeration with their titles."""
    found = dict(zip(kind, words, strict=True))
    return lambda: found
