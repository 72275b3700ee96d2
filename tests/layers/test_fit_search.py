"""The search for bits among many models, each with known sizes and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from effq_core.base.intervals import proportion
from effq_core.layers.fit import Known, fit
from effq_core.layers.fit_wording import FitLimits, broken_fit
from effq_core.layers.ledger import TimeUp
from effq_core.layers.solve_widths import Table
from effq_core.layers.trial_record import Suggestion, TrialRecord
from tests.layers.suggest_inputs import record

NAMES = tuple("abcd")
SIZES: Table = {name: {8: 800.0, 4: 400.0, 2: 200.0} for name in NAMES}
TIMES: Table = {name: {8: 1.0, 4: 1.0, 2: 2.0} for name in NAMES}
COSTS: Table = {
    name: {8: 0.0, 4: 0.01 * place, 2: 0.1 * place} for place, name in enumerate(NAMES, 1)
}
OTHERS: Table = {name: dict(COSTS[other]) for name, other in zip(NAMES, "dcba", strict=True)}
FIXED, REST = 1000, 6.0  # bytes and milliseconds beside the layers


class Table4:
    """Measures by adding up, with bytes and milliseconds nobody foresaw."""

    def __init__(self, limits: FitLimits, *, more: int = 0, slower: float = 0.0, most: int = 99):
        self.limits, self.more, self.slower, self.most = limits, more, slower, most
        self.found: dict[str, TrialRecord] = {}

    seconds = 0.0

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        return tuple(self.found.values())

    def trial(self, widths: Mapping[str, int]) -> TrialRecord:
        if (key := str(sorted(widths.items()))) in self.found:
            return self.found[key]
        if len(self.found) >= self.most:
            raise TimeUp
        chosen = widths or dict.fromkeys(NAMES, 8)
        size = FIXED + int(sum(SIZES[name][bits] for name, bits in chosen.items()))
        time = REST + sum(TIMES[name][bits] for name, bits in chosen.items())
        plain = record(
            (),
            widths=dict(widths) or None,
            precision=None,
            size_bytes=size + self.more * bool(widths),
            latency_ms=time + self.slower * bool(widths),
            int8_ms=REST + 4,
            agreement=proportion(290, 300),
            kl=sum(COSTS[name][bits] for name, bits in chosen.items()),
        )
        why = broken_fit(plain, self.limits)
        self.found[key] = replace(plain, ok=not why, why=why)
        return self.found[key]


def search(limits: FitLimits, costs: Mapping[str, Table] | None = None, **bench: Any) -> Suggestion:
    known = Known(costs=costs or {"answers": COSTS}, sizes=SIZES, fixed_bytes=FIXED, times=TIMES)
    return fit(Table4(limits, **bench), known, limits, float32_bytes=20_000)


def limits(size: int, slowdown: float | None = None, *, asked: bool = True) -> FitLimits:
    return FitLimits(size_bytes=size, slowdown=slowdown, asked_size=asked)


def test_the_bits_that_cost_least_within_a_size_are_taken() -> None:
    found = search(limits(FIXED + 2400))
    # Two at 4 bits cost 0.03; one at 2 and one at 4 would cost more and save more than asked.
    assert found.choice.widths == {"a": 4, "b": 4, "c": 8, "d": 8}
    assert found.met and found.complete and found.choice.size_bytes == FIXED + 2400
    assert found.trials[0].is_int8 and not found.trials[0].ok
    assert "2 × 8 bits, 2 × 4 bits" in found.sentence and "calibration photo" in found.sentence


def test_a_limit_on_time_keeps_slow_bits_out() -> None:
    small = FIXED + 4 * 400 - 200
    assert sorted((search(limits(small)).choice.widths or {}).values()) == [2, 4, 4, 4]
    timed = search(limits(small, 1.05))
    assert not timed.met and timed.choice.time.times > 1.05
    assert "The fastest file of that size takes about 1.10× int8's time" in timed.sentence
    assert "one as fast as asked needs about" in timed.sentence
    assert search(limits(FIXED + 1600, 1.05)).met


@pytest.mark.parametrize("surprise", [{"more": 150}, {"slower": 0.4}])
def test_a_file_that_misses_a_limit_is_solved_again_within_a_tighter_one(
    surprise: dict[str, Any],
) -> None:
    found = search(limits(FIXED + 2000, 1.1), **surprise)
    assert found.met
    if "more" in surprise:
        assert len(found.trials) == 3 and not found.trials[1].ok


def test_of_two_guesses_the_file_that_measures_closer_is_taken() -> None:
    found = search(limits(FIXED + 2400), {"wrong": OTHERS, "right": COSTS})
    assert len(found.trials) == 3
    assert found.choice.widths == {"a": 4, "b": 4, "c": 8, "d": 8}


def test_where_time_runs_out_what_was_measured_is_taken_and_said() -> None:
    found = search(limits(FIXED + 2400), {"wrong": OTHERS, "right": COSTS}, most=2)
    assert not found.complete and found.choice.widths == {"a": 8, "b": 8, "c": 4, "d": 4}
    assert "Time ran out" in found.sentence


def test_a_size_nobody_asked_for_is_said() -> None:
    assert "No size was asked for" in search(limits(FIXED + 1600, asked=False)).sentence
    assert "No size" not in search(limits(FIXED + 1600)).sentence


def test_a_disturbed_time_decides_nothing() -> None:
    slow = record((), widths={"a": 4}, latency_ms=9.0, busy=True)
    assert "cannot be judged" in broken_fit(slow, limits(5000, 1.1))
    assert broken_fit(replace(slow, busy=False), limits(500)).startswith("it takes")
