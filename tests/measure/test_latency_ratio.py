from __future__ import annotations

import pytest

from effq_core.measure.latency import Ratio, quotient, ratio_of
from tests.measure.timed_files import BUSY, QUIET, report


def test_the_ratio_is_the_median_over_shared_rounds_with_its_ends() -> None:
    ratio = ratio_of(report(20, 30, 40, first=1), report(10, 10, 10, 1, first=1))
    assert (ratio.times, ratio.low, ratio.high, ratio.rounds) == (3.0, 2.0, 4.0, 3)
    assert ratio.full_text == "3.00× (2.00× to 4.00×, 3 rounds)"


def test_rounds_are_matched_by_number_and_not_by_place() -> None:
    ratio = ratio_of(report(20, 60), report(20, first=2))
    assert (ratio.times, ratio.rounds) == (3.0, 1)


@pytest.mark.parametrize(
    ("base", "own"),
    [
        (report(20, sitting="a"), report(10, sitting="b")),
        (report(20, sitting=""), report(10, sitting="")),
        (report(20), report(10, first=7)),
    ],
)
def test_timings_of_different_sittings_are_divided_and_say_so(base: object, own: object) -> None:
    ratio = ratio_of(base, own)  # type: ignore[arg-type]
    assert ratio.times == 2.0 and not ratio.together and not ratio.disturbed
    assert ratio.full_text == "2.00× (not timed together)"


@pytest.mark.parametrize("sittings", [("s", "s"), ("s", "t")])
def test_a_disturbed_side_marks_the_ratio_whichever_it_is(sittings: tuple[str, str]) -> None:
    one, other = sittings
    busy, calm = [QUIET, BUSY], [QUIET, QUIET]
    for first, second in ((busy, calm), (calm, busy)):
        ratio = ratio_of(
            report(20, 20, sitting=one, shares=first), report(10, 10, sitting=other, shares=second)
        )
        assert ratio.disturbed and ratio.text == "2.00×*"
    assert not ratio_of(report(20, 20, shares=calm), report(10, 10, shares=calm)).disturbed


def test_a_round_that_only_the_base_has_disturbs_no_ratio() -> None:
    base = report(20, 20, 99, shares=[QUIET, QUIET, BUSY])
    assert base.disturbed
    assert not ratio_of(base, report(10, 10)).disturbed


def test_two_speed_ups_over_one_file_are_divided_with_their_ends() -> None:
    def made(times: float, low: float, high: float, *, disturbed: bool = False) -> Ratio:
        return Ratio(times=times, low=low, high=high, rounds=5, disturbed=disturbed)

    found = quotient(made(4, 3, 5), made(2, 1, 3))
    assert (found.times, found.low, found.high, found.rounds) == (2, 1, 5, 5)
    assert not found.disturbed
    assert quotient(made(4, 3, 5), made(2, 1, 3, disturbed=True)).disturbed
