"""Where labels go, so that they neither overlap nor run out of a narrow chart."""

import html
import math
import textwrap


def wrapped(text: str, width: int = 14) -> str:
    """Breaks a name into lines of ``width`` characters for an axis, escaped for plotly."""
    lines = textwrap.wrap(text, width, break_long_words=False) or [""]
    return "<br>".join(html.escape(line) for line in lines)


def shortened(text: str, most: int = 22) -> str:
    """Cuts a long name to ``most`` characters, ellipsis included, escaped for plotly."""
    return html.escape(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Chooses round numbers for an axis: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
