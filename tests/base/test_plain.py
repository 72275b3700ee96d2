"""Dataclasses as plain JSON values and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from effq_core.base.errors import StoreError
from effq_core.base.plain import Plain, Record


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    name: str
    sizes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Whole(Record):
    FILE = "whole.json"
    WHAT = "The whole"

    colour: Colour
    parts: tuple[Part, ...]
    pair: tuple[str, Colour]
    by_name: dict[str, Part]
    picture: bytes
    best: Part | None = None
    free: dict[str, object] = field(default_factory=dict)


WHOLE = Whole(
    colour=Colour.RED,
    parts=(Part("a", (1, 2)), Part("b", ())),
    pair=("x", Colour.BLUE),
    by_name={"c": Part("c", (3,))},
    picture=bytes(range(256)),
    free={"any": [1, {"deep": None}]},
)


def test_what_is_written_as_json_is_read_back_the_same(tmp_path: Path) -> None:
    plain = WHOLE.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["parts"][0] == {"name": "a", "sizes": [1, 2]} and plain["pair"] == ["x", "blue"]
    assert Whole.from_dict(plain) == WHOLE
    WHOLE.save(tmp_path)
    assert Whole.load(tmp_path) == WHOLE


def test_a_missing_key_takes_its_default_and_an_unknown_one_is_left_out() -> None:
    plain = {**WHOLE.to_dict(), "of_a_newer_version": 1}
    del plain["best"]
    assert Whole.from_dict(plain) == WHOLE


@pytest.mark.parametrize(
    "damage",
    [{"colour": "green"}, {"parts": 3}, {"pair": ["x"]}, {"parts": [[]]}, {"best": {"name": "a"}}],
    ids=str,
)
def test_values_of_another_form_are_refused(damage: dict[str, object], tmp_path: Path) -> None:
    plain = {**WHOLE.to_dict(), **damage}
    with pytest.raises((TypeError, ValueError)):
        Whole.from_dict(plain)
    (tmp_path / Whole.FILE).write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(StoreError, match="The whole"):
        Whole.load(tmp_path)


def test_a_missing_key_without_a_default_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Whole.from_dict({name: each for name, each in WHOLE.to_dict().items() if name != "colour"})


def test_one_that_writes_itself_differently_is_asked() -> None:
    @dataclass(frozen=True)
    class Length(Plain):
        metres: float

        def to_dict(self) -> dict[str, object]:
            return {"cm": self.metres * 100}

    @dataclass(frozen=True)
    class Road(Plain):
        length: Length

    assert Road(Length(2.0)).to_dict() == {"length": {"cm": 200.0}}
