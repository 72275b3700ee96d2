"""Timing in turn, on machines that are made up: whatever happens there is known."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import Cancelled, ExperimentError
from effq_core.base.reporting import SilentReporter
from effq_core.measure.latency import LatencyReport, ratio_of
from effq_core.measure.sitting import ROUNDS, time_together
from tests.measure.timed_files import BUSY, QUIET, Machine

NAMES = ("float32", "int8", "copy", "float16")


def sit(machine: Machine, *names: str, threads: tuple[int, ...] = (1,), **named: Any) -> Any:
    files = {name: Path(name) for name in names or NAMES}
    return time_together(files, "float32", threads, measure=machine, **named)


def first(found: dict[str, tuple[LatencyReport, ...]], name: str) -> LatencyReport:
    return found[name][0]


def test_ratios_are_by_round_so_that_a_slow_round_slows_both() -> None:
    base = {"float32": 20.0, "copy": 20.0, "int8": 5.0, "float16": 20.0}
    machine = Machine(lambda name, time: (base[name] * time**2, QUIET))  # ever slower

    found = sit(machine)

    for name, times in (("copy", 1.0), ("int8", 4.0)):
        ratio = ratio_of(first(found, "float32"), first(found, name))
        assert (ratio.times, ratio.low, ratio.high, ratio.rounds) == (times, times, times, ROUNDS)
        assert ratio.together and not ratio.disturbed


def test_the_order_changes_from_round_to_round_and_every_file_is_in_each() -> None:
    machine = Machine(lambda name, time: (10.0, QUIET))

    sit(machine)

    rounds = machine.rounds(len(NAMES))
    assert len(rounds) == ROUNDS
    assert all(sorted(each) == sorted(NAMES) for each in rounds)
    assert all(one != other for one, other in itertools.pairwise(rounds))
    again = Machine(machine.takes)
    sit(again)
    assert again.order == machine.order, "the same seed gives the same order"
    sit(other := Machine(machine.takes), seed=3)
    assert other.order != machine.order


def test_of_two_files_each_goes_first_as_often() -> None:
    machine = Machine(lambda name, time: (10.0, QUIET))
    sit(machine, "float32", "copy", rounds=4)
    leaders = [each[0] for each in machine.rounds(2)]
    assert leaders.count("copy") == 2


@pytest.mark.parametrize(("rounds", "asked"), [(5, 100), (3, 51), (5, 101)])
def test_invocations_are_divided_over_the_rounds_and_none_is_lost(rounds: int, asked: int) -> None:
    machine = Machine(lambda name, time: (10.0, QUIET))
    found = sit(machine, invocations=asked, rounds=rounds, threads=(1, 2))
    for reports in found.values():
        for report in reports:
            assert asked <= len(report.samples_ms) < asked + rounds
            assert sum(each.samples for each in report.rounds) == len(report.samples_ms)


def test_each_thread_count_is_the_first_of_a_process_once() -> None:
    machine = Machine(lambda name, time: (10.0, QUIET))
    found = sit(machine, "float32", threads=(1, 2, 3, 4, 5, 6))
    assert {threads[0] for threads in machine.threads} == {1, 2, 3, 4, 5, 6}
    assert [report.threads for report in found["float32"]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("whose", ["float32", "int8"])
def test_a_disturbed_round_is_repeated_beside_float32_and_then_unmarked(whose: str) -> None:
    machine = Machine(
        lambda name, time: (90.0, BUSY) if (name, time) == (whose, 2) else (10.0, QUIET)
    )

    found = sit(machine)

    ratio = ratio_of(first(found, "float32"), first(found, "int8"))
    assert (ratio.times, ratio.low, ratio.high, ratio.rounds) == (1.0, 1.0, 1.0, ROUNDS)
    assert not ratio.disturbed
    assert not any(report.disturbed for reports in found.values() for report in reports)
    again = machine.order[ROUNDS * len(NAMES) :]
    assert sorted(again) == sorted(NAMES if whose == "float32" else ("float32", "int8"))


def test_what_stays_disturbed_is_marked_and_repeats_are_bounded() -> None:
    machine = Machine(lambda name, time: (10.0, BUSY if name == "int8" else QUIET))

    found = sit(machine)

    assert machine.order.count("int8") == machine.order.count("float32") == 2 * ROUNDS
    assert machine.order.count("copy") == ROUNDS
    assert first(found, "int8").disturbed and first(found, "int8").warning
    assert ratio_of(first(found, "float32"), first(found, "int8")).disturbed
    assert not ratio_of(first(found, "float32"), first(found, "copy")).disturbed
    assert len(first(found, "int8").rounds) == ROUNDS


def test_a_disturbed_float32_marks_every_ratio() -> None:
    machine = Machine(lambda name, time: (10.0, BUSY if name == "float32" else QUIET))
    found = sit(machine)
    for name in NAMES:
        ratio = ratio_of(first(found, "float32"), first(found, name))
        assert ratio.disturbed and ratio.rounds == ROUNDS


def test_the_calmest_rounds_are_kept() -> None:
    def takes(name: str, time: int) -> tuple[float, float]:
        return (10.0 * time, QUIET if time % 2 else BUSY) if name == "int8" else (10.0, QUIET)

    found = sit(Machine(takes))

    assert [each.number for each in first(found, "int8").rounds] == [1, 3, 5, 7, 9]


def test_it_waits_before_the_first_round_and_before_each_repeat() -> None:
    waits: list[int] = []
    machine = Machine(lambda name, time: (10.0, BUSY if name == "int8" and time < 3 else QUIET))
    sit(machine, pause=lambda: waits.append(len(machine.order)))
    assert waits == [0, ROUNDS * len(NAMES), ROUNDS * len(NAMES) + 2]


def test_nothing_is_repeated_where_it_never_is_quiet() -> None:
    machine = Machine(lambda name, time: (10.0, BUSY))
    found = sit(machine, again=False)
    assert len(machine.order) == ROUNDS * len(NAMES)
    assert first(found, "int8").disturbed


def test_repeats_are_told_and_progress_ends_at_its_total() -> None:
    class Told(SilentReporter):
        def __init__(self) -> None:
            self.seen: list[tuple[int, int, str]] = []
            self.events: list[tuple[str, Any]] = []

        def progress(self, done: int, total: int, unit: str = "images") -> None:
            self.seen.append((done, total, unit))

        def event(self, kind: str, **values: Any) -> None:
            self.events.append((kind, values))

    told = Told()
    machine = Machine(lambda name, time: (10.0, BUSY if (name, time) == ("int8", 1) else QUIET))
    sit(machine, reporter=told)
    assert told.seen[0] == (1, ROUNDS * len(NAMES), "timings")
    assert told.seen[-1] == (22, 22, "timings")
    assert told.events == [("timed_again", {"files": ["int8"]})]


def test_cancelling_ends_it_between_files() -> None:
    class Stop(SilentReporter):
        def check_cancelled(self) -> None:
            if len(machine.order) == 3:
                raise Cancelled("Stopped.")

    machine = Machine(lambda name, time: (10.0, QUIET))
    with pytest.raises(Cancelled):
        sit(machine, reporter=Stop())
    assert len(machine.order) == 3


def test_nothing_to_time_is_refused() -> None:
    machine = Machine(lambda name, time: (10.0, QUIET))
    with pytest.raises(ExperimentError):
        sit(machine, "int8")
    with pytest.raises(ExperimentError):
        sit(machine, "float32", threads=())


def test_real_files_are_timed_together(models: dict[str, Path]) -> None:
    files = {name: models[name] for name in ("float32", "int8")}

    found = time_together(files, "float32", [1, 2], invocations=10, rounds=2)

    for reports in found.values():
        assert [report.threads for report in reports] == [1, 2]
        for report in reports:
            assert LatencyReport.from_dict(report.to_dict()) == report
            assert len(report.samples_ms) == 10 and report.peak_memory_kib > 0
    ratio = ratio_of(found["float32"][0], found["int8"][0])
    assert ratio.rounds == 2 and ratio.low <= ratio.times <= ratio.high
