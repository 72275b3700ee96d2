"""Times every file in fresh processes, in alternating order, several rounds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.job import Entry
from effq_core.measure.others import BUSY_SHARE

LEEWAY = 0.15
"""Cores a process may use beyond its threads: the runtime's caller and its bookkeeping."""


@dataclass
class Timing:
    """Timings of one file at one thread count.

    Attributes:
        threads: Threads an invocation may use.
        rounds_ms: Every timed invocation of each round, in milliseconds.
        cores_used: Processor time by wall time, of each round.
        others_share: Share of all cores that others used, 0-1, of each round.
    """

    threads: int
    rounds_ms: list[list[float]] = field(default_factory=list)
    cores_used: list[float] = field(default_factory=list)
    others_share: list[float] = field(default_factory=list)

    @property
    def invocations(self) -> int:
        """How many were timed."""
        return sum(len(samples) for samples in self.rounds_ms)

    @property
    def median_ms(self) -> float:
        """Median of all timed invocations."""
        return statistics.median(value for samples in self.rounds_ms for value in samples)

    @property
    def spread_ms(self) -> tuple[float, float]:
        """Smallest and largest median of a round."""
        medians = [statistics.median(samples) for samples in self.rounds_ms]
        return min(medians), max(medians)

    @property
    def kept_to_its_threads(self) -> bool:
        """Whether the process used no more cores than it was given threads."""
        return max(self.cores_used) <= self.threads + LEEWAY

    def to_dict(self) -> dict[str, Any]:
        """Returns the timing as plain JSON values."""
        return {**asdict(self), "median_ms": self.median_ms, "spread_ms": self.spread_ms}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Timing:
        """Rebuilds a timing from :meth:`to_dict`."""
        known = ("threads", "rounds_ms", "cores_used", "others_share")
        return cls(**{name: plain[name] for name in known})


def measure(
    entries: Sequence[Entry],
    python: Path,
    *,
    threads: Sequence[int],
    rounds: int,
    invocations: int,
    warmup: int,
) -> dict[str, Any]:
    """Times all files. Nothing else should use the cores meanwhile.

    Args:
        entries: Rows with a file.
        python: Interpreter of the environment that has every runtime.
        threads: Thread counts.
        rounds: How often each file is timed; the order is turned round by round.
        invocations: Timed invocations of a round.
        warmup: Invocations before them.

    Returns:
        ``timings`` (by id, a list with a thread count each), ``load_average`` over a minute before
        and after, ``seconds``, ``busy`` (rounds during which others used the cores).
    """
    before, begin = os.getloadavg()[0], time.monotonic()
    timings = {entry.id: {count: Timing(count) for count in threads} for entry in entries}
    for number in range(rounds):
        for entry in turned(entries, number):
            for count in threads if number % 2 == 0 else reversed(threads):
                answer = _probe(python, entry, count, invocations, warmup)
                timing = timings[entry.id][count]
                timing.rounds_ms.append(answer["samples_ms"])
                timing.cores_used.append(answer["cores_used"])
                timing.others_share.append(answer["others_share"])
        print(f"latency: round {number + 1} of {rounds}", flush=True)
    flat = [timing for by_count in timings.values() for timing in by_count.values()]
    return {
        "timings": {
            name: [timing.to_dict() for timing in by_count.values()]
            for name, by_count in timings.items()
        },
        "load_average": [before, os.getloadavg()[0]],
        "seconds": time.monotonic() - begin,
        "busy": sum(share > BUSY_SHARE for timing in flat for share in timing.others_share),
        "probes": sum(len(timing.others_share) for timing in flat),
    }


def turned(entries: Sequence[Entry], number: int) -> list[Entry]:
    """Returns the entries in the order of a round: each begins elsewhere, every other backwards.

    A machine that slows down while it is measured then slows all files, not the last ones.
    """
    start = number * 3 % len(entries) if entries else 0
    order = [*entries[start:], *entries[:start]]
    return order if number % 2 == 0 else order[::-1]


def _probe(
    python: Path, entry: Entry, threads: int, invocations: int, warmup: int
) -> dict[str, Any]:
    command = [str(python), "-m", "benchmarks.peers.probe", "time", entry.runtime, entry.files[0]]
    command += [f"--threads={threads}", f"--invocations={invocations}", f"--warmup={warmup}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"timing {entry.id} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
