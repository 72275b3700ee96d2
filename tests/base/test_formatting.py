"""Numbers as text: exact where people compare them, sane for any number."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base import formatting as fmt

ANY = st.floats(min_value=-1e300, max_value=1e300)
POSITIVE = st.floats(min_value=1e-6, max_value=1e12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (fmt.count(1234), "1,234"),
        (fmt.count(-5), "−5"),
        (fmt.counted(1, "image"), "1 image"),
        (fmt.counted(3925, "image"), "3,925 images"),
        (fmt.counted(2, "probability", "probabilities"), "2 probabilities"),
        (fmt.kib(27_689 * 1024), "27,689 KiB"),
        (fmt.size(0), "0 B"),
        (fmt.size(812), "812 B"),
        (fmt.size(1000), "0.98 KiB"),
        (fmt.size(7522 * 1024), "7.35 MiB"),
        (fmt.size(64 * 2**30), "64.0 GiB"),
        (fmt.milliseconds(6.832), "6.83 ms"),
        (fmt.milliseconds(19.44), "19.4 ms"),
        (fmt.milliseconds(132.4), "132 ms"),
        (fmt.milliseconds(0.9996), "1.00 ms"),
        (fmt.milliseconds(9.996), "10.0 ms"),
        (fmt.duration(0.42), "0.4 s"),
        (fmt.duration(9.96), "10 s"),
        (fmt.duration(59.6), "1 min"),
        (fmt.duration(80), "1 min 20 s"),
        (fmt.duration(3599.7), "1 h"),
        (fmt.duration(7500), "2 h 5 min"),
        (fmt.left(None), "time left unknown"),
        (fmt.left(2), "a few seconds left"),
        (fmt.left(41), "about 45 s left"),
        (fmt.left(121), "about 3 min left"),
        (fmt.percent(0.8769), "87.7 %"),
        (fmt.percent(1.0, 0), "100 %"),
        (fmt.percent_interval(0.838, 0.897), "83.8–89.7 %"),
        (fmt.share_with_interval(0.87, 0.838, 0.897), "87.0 % (83.8–89.7)"),
        (fmt.share_with_interval(0.87, None, None), "87.0 %"),
        (fmt.points(-2.0), "−2.0 points"),
        (fmt.points(0.3), "+0.3 points"),
        (fmt.points(0.0), "0.0 points"),
        (fmt.points(-0.0255), "−0.03 points"),
        (fmt.points_interval(-3.1, 0.4), "−3.1 to +0.4 points"),
        (fmt.p_value(0.0004), "p < 0.001"),
        (fmt.p_value(0.0312), "p = 0.031"),
        (fmt.p_value(1.0), "p = 1"),
        (fmt.p_number(0.0004), "< 0.001"),
        (fmt.p_number(0.0312), "0.031"),
        (fmt.p_number(1.0), "1"),
        (fmt.ratio(3.4417), "3.44×"),
        (fmt.ratio(12.53), "12.5×"),
        (fmt.ratio(240.2), "240×"),
        (fmt.rate(146.7), "147 images/s"),
        (fmt.plain(0.01234), "0.0123"),
        (fmt.plain(1e-5), "1.00e−05"),
        (fmt.plain(0), "0"),
    ],
)
def test_numbers_are_written_with_their_units(text: str, expected: str) -> None:
    assert text == expected


FORMATTERS = (
    fmt.count,
    fmt.kib,
    fmt.size,
    fmt.milliseconds,
    fmt.duration,
    fmt.percent,
    fmt.points,
    fmt.p_value,
    fmt.ratio,
    fmt.rate,
    fmt.plain,
    fmt.moment,
)


@pytest.mark.parametrize("function", FORMATTERS, ids=lambda function: function.__name__)
def test_what_is_missing_or_not_finite_is_a_dash(function) -> None:
    for value in (None, math.nan, math.inf, -math.inf):
        assert function(value) == fmt.NOTHING


@pytest.mark.parametrize("function", FORMATTERS, ids=lambda function: function.__name__)
@given(value=ANY)
def test_any_number_has_a_text_without_exotic_zero_or_hyphen(function, value: float) -> None:
    text = function(value)

    assert text
    assert "nan" not in text and "inf" not in text
    if function is not fmt.moment and "e" not in text.split(" ")[0]:
        assert "-" not in text, "a minus is U+2212"
        assert not re.match(r"[−+]0(\.0*)?(?![\d.])", text), "no zero has a sign"


@given(share=st.floats(min_value=0, max_value=1))
def test_a_percentage_is_within_half_of_its_last_digit(share: float) -> None:
    assert abs(float(fmt.percent(share).removesuffix(" %")) - 100 * share) <= 0.05 + 1e-9


@given(value=POSITIVE)
def test_a_time_keeps_two_significant_figures_or_a_microsecond(value: float) -> None:
    number = float(fmt.milliseconds(value).removesuffix(" ms").replace(",", ""))

    assert abs(number - value) <= max(0.0005, 0.005 * value) + 1e-12


@given(value=st.integers(min_value=0, max_value=2**60))
def test_a_size_is_written_with_at_most_four_figures_and_can_be_read_back(value: int) -> None:
    number, unit = fmt.size(value).split(" ")
    factor = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}[unit]

    if unit != "TiB":
        assert len(number.replace(".", "").lstrip("0")) <= 4 and "," not in number
    assert abs(float(number.replace(",", "")) * factor - value) <= 0.006 * value + 0.5


@given(a=st.floats(min_value=0, max_value=1e7), b=st.floats(min_value=0, max_value=1e7))
def test_a_longer_duration_never_reads_shorter(a: float, b: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600}

    def seconds(text: str) -> float:
        words = text.replace(",", "").split(" ")
        return sum(float(n) * units[u] for n, u in zip(words[::2], words[1::2], strict=True))

    low, high = sorted((a, b))
    assert seconds(fmt.duration(low)) <= seconds(fmt.duration(high))
    assert abs(seconds(fmt.duration(a)) - a) <= max(0.5, 30 if a >= 3570 else 0) + 1e-6


@given(
    difference=st.floats(min_value=-100, max_value=100).filter(lambda x: x == 0 or abs(x) >= 0.005)
)
def test_a_difference_shows_its_direction(difference: float) -> None:
    sign = fmt.points(difference)[0]

    assert sign == ("+" if difference > 0 else fmt.MINUS if difference < 0 else "0")


@pytest.mark.parametrize(
    ("place", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (111, "111th"), (1002, "1,002nd")],
)  # fmt: skip
def test_a_place_in_a_row(place: int, text: str) -> None:
    assert fmt.ordinal(place) == text
