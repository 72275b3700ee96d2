"""The one place where numbers become text with their units, as in print. Pure functions."""

import math
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec

NOTHING = "–"  # stands for a number that is not there
MINUS = "\u2212"
KIB = 1024
_P = ParamSpec("_P")
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def _number(
    function: Callable[Concatenate[float, _P], str],
) -> Callable[Concatenate[float | None, _P], str]:
    def wrapper(value: float | None, /, *args: _P.args, **kwargs: _P.kwargs) -> str:
        if value is None or not math.isfinite(value):
            return NOTHING
        return function(value, *args, **kwargs)

    wrapper.__name__, wrapper.__doc__ = function.__name__, function.__doc__
    return wrapper


def _fixed(value: float, digits: int) -> str:
    """Writes a number with thousands separators and a real minus, and never as minus zero."""
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and any(figure in "123456789" for figure in text)
    return f"{MINUS}{text}" if negative else text


def _digits(value: float, significant: int) -> int:
    """Returns the decimal places that show so many significant figures, rounding included."""
    if value == 0:
        return 0
    exponent = int(f"{abs(value):.{significant - 1}e}".rpartition("e")[2])
    return max(0, significant - 1 - exponent)


@_number
def count(value: float) -> str:
    """Writes a count: ``1,234``."""
    return _fixed(value, 0)


def counted(value: int, noun: str, plural: str = "") -> str:
    """Writes ``1 image`` or ``3,925 images``; ``plural`` is for nouns that take no s."""
    return f"{count(value)} {noun if value == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """Begins a sentence with a capital, but for a name with digits such as ``int8``."""
    first = text.split(" ")[0]
    return text if any(map(str.isdigit, first)) else text[:1].upper() + text[1:]


def listed(words: Sequence[str]) -> str:
    """Writes a list as people do: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def some(words: Sequence[str], most: int, total: int | None = None, *noun: str) -> str:
    """Writes the first of ``total`` and counts the others by ``noun``: ``a, b and 3 more``."""
    more = (len(words) if total is None else total) - min(most, len(words))
    if more <= 0:
        return ", ".join(words)
    one, several = noun or ("", "")
    return (
        f"{', '.join(words[:most])} and {count(more)} more {one if more == 1 else several}".strip()
    )


def one_line(text: str) -> str:
    """Writes one line: control and format characters become spaces, as those that turn reading."""
    printable = (" " if unicodedata.category(each)[0] == "C" else each for each in text)
    return " ".join("".join(printable).split())


def ordinal(place: int) -> str:
    """Writes a place in a row: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if 10 <= place % 100 <= 20 else endings.get(place % 10, "th")
    return f"{count(place)}{ending}"


@_number
def kib(size: float) -> str:
    """Writes bytes in KiB, for columns: ``27,689 KiB``."""
    return f"{_fixed(size / KIB, 0)} KiB"


@_number
def size(value: float) -> str:
    """Writes bytes in the unit that suits them: ``812 B``, ``7.35 MiB``."""
    number, unit = value, 0
    # 1023.7 would be written as 1,024 of the smaller unit.
    while abs(number) >= 999.5 and unit < len(_BINARY_UNITS) - 1:
        number, unit = number / KIB, unit + 1
    return f"{_fixed(number, 0 if unit == 0 else min(2, _digits(number, 3)))} {_BINARY_UNITS[unit]}"


@_number
def milliseconds(value: float) -> str:
    """Writes milliseconds with three significant figures: ``6.83 ms``, ``132 ms``."""
    return f"{_fixed(value, min(3, _digits(value, 3)))} ms"


@_number
def duration(seconds: float) -> str:
    """Writes seconds for people: ``0.4 s``, ``42 s``, ``1 min 20 s``, ``2 h 5 min``."""
    seconds = max(0.0, seconds)
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


@_number
def roughly(seconds: float) -> str:
    """Writes an estimated duration no more exactly than it is known: ``40 s``, ``5 min``."""
    if seconds < 100:
        return duration(max(10, 10 * round(seconds / 10)))
    return duration(60 * round(seconds / 60))


def left(seconds: float | None) -> str:
    """Writes an estimate of the seconds to come, such as ``about 3 min left``."""
    if seconds is None or not math.isfinite(seconds):
        return "time left unknown"
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {5 * math.ceil(seconds / 5)} s left"
    return f"about {duration(60 * math.ceil(seconds / 60))} left"


@_number
def percent(share: float, digits: int = 1) -> str:
    """Writes a share of 0–1 in per cent: ``87.7 %``."""
    return f"{_fixed(100 * share, digits)} %"


def percent_interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """Writes the ends of an interval of shares, each 0–1, such as ``83.8–89.7 %``."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NOTHING
    return f"{_fixed(100 * low, digits)}–{_fixed(100 * high, digits)} %"


def share_with_interval(
    share: float | None, low: float | None, high: float | None, digits: int = 1
) -> str:
    """Writes a share and its interval, each 0–1, such as ``87.7 % (83.8–89.7)``."""
    if share is None:
        return NOTHING
    interval = percent_interval(low, high, digits).removesuffix(" %")
    return percent(share, digits) + ("" if interval == NOTHING else f" ({interval})")


def _signed(value: float, digits: int) -> str:
    text = _fixed(value, digits)
    positive = value > 0 and any(figure in "123456789" for figure in text)
    return f"+{text}" if positive else text


@_number
def points(value: float) -> str:
    """Writes a difference in percentage points with its sign: ``−2.0 points``."""
    # Two decimal places where one would hide that there is a difference.
    return f"{_signed(value, 2 if 0 < abs(value) < 0.05 else 1)} points"


def points_interval(low: float | None, high: float | None) -> str:
    """Writes the ends of an interval of percentage points, such as ``−3.1 to +0.4 points``."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NOTHING
    return f"{_signed(low, 1)} to {_signed(high, 1)} points"


@_number
def p_number(p: float) -> str:
    """Writes the p of a test, for columns whose head says so: ``< 0.001``, ``0.031``, ``1``."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


@_number
def p_value(p: float) -> str:
    """Writes the p of a test: ``p < 0.001``, ``p = 0.031``, ``p = 1``."""
    text = p_number(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


@_number
def ratio(value: float) -> str:
    """Writes a factor: ``3.44×``, ``12.5×``, ``240×``."""
    return f"{_fixed(value, min(2, _digits(value, 3)))}×"


@_number
def rate(per_second: float, unit: str = "images") -> str:
    """Writes a throughput: ``147 images/s``."""
    return f"{_fixed(per_second, min(2, _digits(per_second, 3)))} {unit}/s"


@_number
def decibels(value: float) -> str:
    """Writes a ratio of powers: ``38.2 dB``."""
    return f"{_fixed(value, 1)} dB"


@_number
def millinats(nats: float) -> str:
    """Writes a divergence given in nats in thousandths of one: ``12.3 mnat``."""
    return f"{_fixed(1000 * nats, min(4, _digits(1000 * nats, 3)))} mnat"


@_number
def decimals(value: float, digits: int) -> str:
    """Writes a number with so many decimal places, for columns whose head says the unit."""
    return _fixed(value, digits)


@_number
def plain(value: float, significant: int = 3) -> str:
    """Writes a number that has no unit, such as a loss: ``0.0123``."""
    if value and abs(value) < 1e-4:
        return f"{value:.{significant - 1}e}".replace("-", MINUS)
    return _fixed(value, min(6, _digits(value, significant)))


@_number
def clock(timestamp: float) -> str:
    """Writes seconds since 1970 as local time of day: ``14:05:31``."""
    return datetime.fromtimestamp(timestamp).astimezone().strftime("%H:%M:%S")


@_number
def moment(timestamp: float) -> str:
    """Writes seconds since 1970 as local date and time: ``2026-03-01 14:05``."""
    try:
        return datetime.fromtimestamp(timestamp).astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return NOTHING


def rate_text(rate: float) -> str:
    """Returns a learning rate as people write it: 1e-5."""
    return f"{rate:g}".replace("e-0", "e-")
