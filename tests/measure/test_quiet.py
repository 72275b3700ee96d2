"""Waiting for a quiet processor, with a clock that only moves when somebody looks."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from effq_core.base.errors import Cancelled
from effq_core.measure.others import BUSY_SHARE, QuietCpu, is_busy


class World:
    """A processor and a clock: each look takes a second."""

    def __init__(self, *shares: float) -> None:
        self.shares, self.now, self.told = list(shares), 0.0, list[bool]()

    def look(self) -> float:
        self.now += 1
        return self.shares.pop(0) if self.shares else 0.5

    def cpu(self, limit: float, **named: object) -> QuietCpu:
        made = {"others": self.look, "clock": lambda: self.now, "tell": self.told.append}
        return QuietCpu(limit, **{**made, **named})  # type: ignore[arg-type]


def test_a_quiet_processor_is_seen_at_once_and_nothing_is_told() -> None:
    world = World(0.02)
    assert world.cpu(60).wait()
    assert (world.now, world.told) == (1, [])


def test_it_waits_until_it_is_quiet_and_tells_when_that_begins_and_ends() -> None:
    world = World(0.4, 0.3, BUSY_SHARE)
    assert world.cpu(60).wait()
    assert (world.now, world.told) == (3, [True, False])


def test_all_waits_together_are_no_longer_than_the_limit() -> None:
    world = World(0.4, 0.02, *[0.4] * 99)
    cpu = world.cpu(10)
    assert cpu.wait() and world.now == 2
    assert not cpu.wait() and world.now == 10
    assert not cpu.wait() and world.now == 10


def test_who_does_not_want_to_wait_need_not() -> None:
    world = World()
    assert not world.cpu(60, asked=lambda: world.now >= 4).wait()
    assert (world.now, world.told) == (4, [True, False])
    assert not World().cpu(0).wait()


def test_cancelling_ends_the_wait_and_it_is_told_that_it_ended() -> None:
    def check() -> None:
        if world.now >= 2:
            raise Cancelled("Stopped.")

    world = World()
    with pytest.raises(Cancelled):
        world.cpu(60, check=check).wait()
    assert world.told == [True, False]


def test_it_looks_at_this_machine() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(psutil.cpu_count() or 1)]
    try:
        assert not QuietCpu(1.5).wait()
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_the_least_share_that_disturbs() -> None:
    assert not is_busy(BUSY_SHARE) and is_busy(BUSY_SHARE + 0.01)
