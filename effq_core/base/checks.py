"""Checks that settings of an experiment share: each refuses a value in a person's words."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from effq_core.base.errors import ExperimentError

_T = TypeVar("_T")


def check_count(name: str, value: Any, bounds: tuple[float, float]) -> None:
    """Raises ExperimentError for no whole number within bounds; ``name`` begins a sentence."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ExperimentError(f"{name} is {value!r}.", "Give a whole number.")
    check_range(name, value, bounds)


def check_range(name: str, value: float, bounds: tuple[float, float]) -> None:
    """Raises ExperimentError for no number within bounds, both allowed; see :func:`check_count`."""
    low, high = bounds
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ExperimentError(f"{name} is {value!r}.", "Give a number.")
    if not low <= value <= high:
        raise ExperimentError(f"{name} is {value}.", f"Choose from {low} to {high}.")


def one(noun: str) -> str:
    """Returns a noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def one_of(noun: str, value: Any, choices: Iterable[_T]) -> _T:
    """Finds the choice, a ``noun`` in messages, equal to a value, or raises ExperimentError."""
    for choice in choices:
        if choice == value:
            return choice
    raise ExperimentError(
        f"{value!r} is not {one(noun)}.", f"Choose from: {', '.join(map(str, choices))}."
    )


def known(kind: type, plain: Any) -> dict[str, Any]:
    """Raises ExperimentError where JSON values are no object of a dataclass's fields only."""
    if not isinstance(plain, dict):
        raise ExperimentError(f"{kind.__name__} must be an object, not {plain!r}.")
    unknown = set(plain) - {f.name for f in fields(kind)}
    if unknown:
        raise ExperimentError(
            f"Unknown setting of {kind.__name__}: {', '.join(sorted(unknown))}.",
            f"Known: {', '.join(f.name for f in fields(kind))}.",
        )
    return dict(plain)
