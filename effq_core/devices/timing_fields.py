"""An untrusted JSON document, read field by field; each must have the form that is asked of it."""

from __future__ import annotations

import json
from typing import Any

from effq_core.devices.scripts.bench import NAME_LENGTH

MOST_MS = 600_000.0  # longest invocation believed, in milliseconds


class Unfit(Exception):  # noqa: N818 - becomes an InputError with the file's name
    """Says what is wrong with a document."""


class Fields:
    """An object of the document that must have exactly the keys that are asked of it."""

    def __init__(self, value: Any, where: str) -> None:
        if type(value) is not dict:
            raise Unfit(f"{where} is not an object")
        self._values: dict[str, Any] = value
        self._where = where

    def only(self, *keys: str) -> Fields:
        """Checks that these keys are there and no others."""
        if self._values.keys() != set(keys):
            raise Unfit(f"{self._where} has not exactly the keys {', '.join(keys)}")
        return self

    def get(self, key: str) -> Any:
        """Returns a value as it is."""
        return self._values[key]

    def whole(self, key: str, low: int, high: int) -> int:
        """Returns a whole number within limits."""
        value = self._values[key]
        if type(value) is not int or not low <= value <= high:  # a bool is an int, too
            raise Unfit(f"{key} of {self._where} is not a whole number from {low:,} to {high:,}")
        return value

    def ms(self, key: str) -> float:
        """Returns a time in milliseconds."""
        return milliseconds(self._values[key], f"{key} of {self._where}")

    def text(self, key: str, *, least: int = 1) -> str:
        """Returns one short line of printable characters."""
        return short_text(self._values[key], f"{key} of {self._where}", least)


def parse(content: bytes) -> Any:
    """Reads JSON, without infinities and with every key once."""

    def refuse(word: str) -> float:
        raise Unfit(f"{word} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            raise Unfit("a key is there twice")
        return values

    try:
        text = content.decode("utf-8")
        return json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, huge integers
        raise Unfit(f"it is not JSON ({type(error).__name__})") from error


def milliseconds(value: Any, what: str) -> float:
    """Returns a time in milliseconds."""
    # Zero is what a clock too coarse for the model would tell.
    if type(value) not in (int, float) or not 0 < value <= MOST_MS:
        raise Unfit(f"{what} is not a time above 0 and up to {MOST_MS:,.0f} ms")
    return float(value)


def short_text(value: Any, what: str, least: int = 1) -> str:
    """Returns one short line of printable characters."""
    if type(value) is not str or not least <= len(value) <= NAME_LENGTH:
        raise Unfit(f"{what} is not a text of {least} to {NAME_LENGTH} characters")
    if not value.isprintable() or value != value.strip():
        raise Unfit(f"{what} has characters that cannot be shown")
    return value
