"""What advice says: a key and facts, and the one table of sentences they are written by."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import get_variant

SENTENCES: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("sentences.toml").read_text(encoding="utf-8")
)
_FORMATS: dict[str, Callable[[Any], str]] = {
    "": str,
    **{name: getattr(fmt, name) for name in ("kib", "percent", "points", "ratio")},
    **{noun: partial(fmt.counted, noun=noun) for noun in ("photo", "round", "thread")},
    "lost": lambda points: fmt.points(points).lstrip("+"),
    "ms": fmt.milliseconds,
    "p": fmt.p_value,
    "shows": lambda name: get_variant(name).explains,
    "signed": lambda points: fmt.points(points).removesuffix(" points"),
    "title": lambda name: get_variant(name).title,
    "whole": lambda share: fmt.percent(share, 0),
    "worst": lambda certain: " in the worst case of its 95 % interval" * certain,
}
"""How a fact is written, by what stands behind its name in a sentence."""


class _Writer(string.Formatter):
    """Writes facts by :data:`_FORMATS`, messages in their words, and several as a list."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return fmt.listed([self.format_field(each, format_spec) for each in value])
        return value.clause if isinstance(value, Message) else _FORMATS[format_spec](value)


@dataclass(frozen=True)
class Message:
    """Something said about a run."""

    key: str  # of its sentence in :data:`SENTENCES`
    facts: Mapping[str, Any]  # numbers, names, gates and messages its sentence takes

    @property
    def clause(self) -> str:
        """Its words, as a part of a sentence."""
        return _Writer().format(SENTENCES[self.key], **self.facts)

    @property
    def text(self) -> str:
        """Its words, as a sentence."""
        return fmt.sentence(self.clause)


def say(key: str, **facts: Any) -> Message:
    """Makes a message."""
    return Message(key, facts)
