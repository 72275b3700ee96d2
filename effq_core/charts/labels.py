"""Where labels go, so that they neither overlap nor run out of a narrow chart."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence


def wrapped(text: str, width: int = 14) -> str:
    """Breaks a name into lines of ``width`` characters for an axis, escaped for plotly.

    A longer word stays whole.
    """
    lines = textwrap.wrap(text, width, break_long_words=False) or [""]
    return "<br>".join(html.escape(line) for line in lines)


def shortened(text: str, most: int = 22) -> str:
    """Cuts a long name to ``most`` characters, ellipsis included, escaped for plotly."""
    return html.escape(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Moves values at least ``gap`` apart, as little as possible: groups keep their middle."""
    order = sorted(range(len(values)), key=lambda position: values[position])
    # Groups of positions that touch, each with the middle its members would like.
    groups: list[list[int]] = []
    for position in order:
        groups.append([position])
        while len(groups) > 1 and _overlap(groups[-2], groups[-1], values, gap):
            last = groups.pop()
            groups[-1] += last
    moved = [0.0] * len(values)
    for group in groups:
        for rank, position in enumerate(group):
            moved[position] = _start(group, values, gap) + rank * gap
    return moved


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Chooses round numbers for an axis: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _start(group: Sequence[int], values: Sequence[float], gap: float) -> float:
    """Returns where the first of a group goes when its middle stays."""
    middle = sum(values[position] for position in group) / len(group)
    return middle - gap * (len(group) - 1) / 2


def _overlap(a: Sequence[int], b: Sequence[int], values: Sequence[float], gap: float) -> bool:
    end = _start(a, values, gap) + gap * (len(a) - 1)
    return _start(b, values, gap) - end < gap * (1 - 1e-9)
