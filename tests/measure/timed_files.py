"""Measurements as a machine might make them, without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from effq_core.base.reporting import Reporter
from effq_core.measure.latency import LatencyReport, Measured, summarize

QUIET, BUSY = 0.01, 0.4


def measured(
    ms: float, *, share: float = QUIET, threads: int = 1, n: int = 4, **fields: Any
) -> Measured:
    """Makes what one process measured."""
    values = {"load_ms": 5.0, "first_invoke_ms": 2 * ms, "peak_memory_kib": 1000, **fields}
    return Measured(threads=threads, samples_ms=(ms,) * n, others_share=share, **values)


def report(
    *times: float, sitting: str = "s", shares: Sequence[float] = (), first: int = 1
) -> LatencyReport:
    """Makes the report of a file that took so long in each round."""
    shares = shares or [QUIET] * len(times)
    rounds = {
        number: measured(ms, share=share)
        for number, (ms, share) in enumerate(zip(times, shares, strict=True), first)
    }
    return summarize(rounds, warmup=1, sitting=sitting)


class Machine:
    """Times files by a rule, and remembers in which order.

    Args:
        takes: Milliseconds and share of others, of the name of a file and how often it was timed.
    """

    def __init__(self, takes: Callable[[str, int], tuple[float, float]]) -> None:
        self.takes = takes
        self.order: list[str] = []
        self.threads: list[tuple[int, ...]] = []
        self.invocations: list[int] = []

    def __call__(
        self,
        path: Path,
        threads: Sequence[int],
        *,
        invocations: int,
        warmup: int,
        reporter: Reporter,
    ) -> tuple[Measured, ...]:
        """Times a file."""
        time = self.order.count(path.name) + 1
        self.order.append(path.name)
        self.threads.append(tuple(threads))
        self.invocations.append(invocations)
        ms, share = self.takes(path.name, time)
        return tuple(
            measured(ms / count, share=share, threads=count, n=invocations, first=place == 0)
            for place, count in enumerate(threads)
        )

    def rounds(self, size: int) -> list[list[str]]:
        """Returns the order of each round of so many files."""
        return [self.order[start : start + size] for start in range(0, len(self.order), size)]
