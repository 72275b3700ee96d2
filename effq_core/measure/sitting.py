"""Timing files that are to be compared: in turn, round by round, in changing order."""

import json
import math
import os
import random
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from effq_core.base.errors import ExperimentError, ModelError, StageError
from effq_core.base.reporting import Reporter, SilentReporter
from effq_core.measure.latency import LatencyReport, Measured, summarize
from effq_core.measure.latency_probe import MODEL_ERROR
from effq_core.runtimes.registry import runtime_of

PROBE = "effq_core.measure.latency_probe"  # the module the measuring process runs
_POLL_SECONDS = 0.2
_ALLOCATOR_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "LD_PRELOAD")
"""What a worker's environment sets for the sake of training; a user's process does not."""


def probe(
    path: Path | str,
    threads: Sequence[int],
    *,
    invocations: int,
    warmup: int = 10,
    reporter: Reporter | None = None,
) -> tuple[Measured, ...]:
    """Times a model file in a fresh process, one entry a thread count; leave the cores alone.

    ``invocations``, 2 or more, are timed after ``warmup``. Raises ModelError if the file is no
    image classifier, ExperimentError if a count is too small, StageError if the process failed.
    """
    if min(threads, default=0) < 1 or invocations < 2 or warmup < 0:
        raise ExperimentError(
            f"{', '.join(map(str, threads)) or 0} threads, {invocations} timed invocations after "
            f"{warmup} cannot be timed.",
            "Choose 1 thread or more and 2 invocations or more.",
        )
    command = [sys.executable, "-m", PROBE, str(path), "--threads", *map(str, threads)]
    command += [f"--invocations={invocations}", f"--warmup={warmup}"]
    stdout, stderr, code = _run(command, reporter or SilentReporter())
    if code == MODEL_ERROR:
        fault = json.loads(stdout)
        raise ModelError(fault["message"], fault["hint"])
    if code != 0:
        tail = "\n".join(stderr.strip().splitlines()[-15:])
        raise StageError(
            f"Measuring the latency of {path} failed with exit code {code}: {tail or 'no output'}",
            "Run it again; if it fails again the file crashes "
            f"{runtime_of(Path(path)).title} on this processor.",
        )
    return tuple(
        Measured(**{**found, "samples_ms": tuple(map(float, found["samples_ms"]))})
        for found in json.loads(stdout)
    )


def _run(command: Sequence[str], reporter: Reporter) -> tuple[str, str, int]:
    reporter.check_cancelled()
    environment = {k: v for k, v in os.environ.items() if k not in _ALLOCATOR_SETTINGS}
    root = str(Path(__file__).resolve().parents[2])
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([root, known] if known else [root])
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        while True:
            try:
                stdout, stderr = child.communicate(timeout=_POLL_SECONDS)
                return stdout, stderr, child.returncode
            except subprocess.TimeoutExpired:
                reporter.check_cancelled()
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


ROUNDS = 5  # rounds of a sitting; more where more thread counts are timed
WARMUP = 10


class Probe(Protocol):
    """Times one file in a fresh process: :func:`effq_core.measure.sitting.probe`."""

    def __call__(
        self,
        path: Path,
        threads: Sequence[int],
        *,
        invocations: int,
        warmup: int,
        reporter: Reporter,
    ) -> tuple[Measured, ...]:
        """Returns what was measured, one entry a thread count."""


def time_together(
    files: Mapping[str, Path],  # two names may be the same file
    base: str,  # the one all others are compared with
    threads: Sequence[int],
    *,
    invocations: int = 100,  # of each file and thread count, over all rounds
    rounds: int = ROUNDS,
    again: bool = True,  # whether as many rounds may be added for what was disturbed
    seed: int = 0,
    reporter: Reporter | None = None,
    pause: Callable[[], object] = lambda: None,  # before the first round and each repeat
    measure: Probe = probe,
) -> dict[str, tuple[LatencyReport, ...]]:
    """Times files in one sitting, a report a thread count; raises what :func:`probe` does."""
    if base not in files or not threads or rounds < 1:
        raise ExperimentError("There is nothing to time.", "Choose a file and a thread count.")
    # Each thread count has to be the first of a process once: only then it is cold.
    sitting = _Sitting(files, base, tuple(threads), max(rounds, len(threads)))
    reporter = reporter or SilentReporter()
    each = max(2, math.ceil(invocations / sitting.rounds))
    orders = _orders(random.Random(seed))  # noqa: S311 - an order, no secret
    pause()
    for number in range(1, (2 if again else 1) * sitting.rounds + 1):
        names = sitting.due(number)
        if not names:
            break
        if number > sitting.rounds:
            reporter.event("timed_again", files=[name for name in names if sitting.is_short(name)])
            pause()
        total = sitting.timed + len(names) + len(files) * max(0, sitting.rounds - number)
        for name in orders(names):
            reporter.check_cancelled()
            turned = sitting.turned(number)
            found = measure(files[name], turned, invocations=each, warmup=WARMUP, reporter=reporter)
            sitting.take(number, name, found)
            reporter.progress(sitting.timed, total, "timings")
    return sitting.reports()


class _Sitting:
    def __init__(
        self, files: Mapping[str, Path], base: str, threads: tuple[int, ...], rounds: int
    ) -> None:
        self.rounds, self.timed = rounds, 0
        self._names, self._base, self._threads = list(files), base, threads
        self._found: dict[tuple[str, int], dict[int, Measured]] = {
            (name, count): {} for name in files for count in threads
        }

    def turned(self, number: int) -> tuple[int, ...]:
        """Returns the thread counts as a round times them: another one first each time."""
        start = (number - 1) % len(self._threads)
        return (*self._threads[start:], *self._threads[:start])

    def take(self, number: int, name: str, found: Sequence[Measured]) -> None:
        """Keeps what a process measured."""
        self.timed += 1
        for each in found:
            self._found[name, each.threads][number] = each

    def due(self, number: int) -> list[str]:
        """Returns what a round times: all files, later those disturbed, beside the base."""
        if number <= self.rounds:
            return self._names
        short = {name for name in self._names if self.is_short(name)}
        return [name for name in self._names if name in short | {self._base}] if short else []

    def is_short(self, name: str) -> bool:
        """Returns whether a file still lacks rounds in which nothing disturbed it or the base."""
        return any(self._calm(name, count) < self.rounds for count in self._threads)

    def _calm(self, name: str, count: int) -> int:
        pairs = self._pairs(name, count).values()
        return sum(not (own.disturbed or base.disturbed) for own, base in pairs)

    def reports(self) -> dict[str, tuple[LatencyReport, ...]]:
        """Returns the reports: of each file the rounds that were disturbed least."""
        sitting = secrets.token_hex(8)
        return {
            name: tuple(
                summarize(self._kept(name, count), warmup=WARMUP, sitting=sitting)
                for count in self._threads
            )
            for name in self._names
        }

    def _kept(self, name: str, count: int) -> dict[int, Measured]:
        pairs = self._pairs(name, count)
        base = self._base_rounds(count)
        # A ratio needs rounds that the base's report has, too.
        least = sorted(pairs, key=lambda number: (number not in base, _busiest(pairs[number])))
        kept = base if name == self._base else set(least[: self.rounds])
        return {number: pairs[number][0] for number in sorted(kept)}

    def _base_rounds(self, count: int) -> set[int]:
        """Returns the base's calm rounds, also those that others repeated; or the least busy."""
        found = self._found[self._base, count]
        calm = {number for number, each in found.items() if not each.disturbed}
        least = sorted(found, key=lambda number: found[number].others_share)
        return calm | set(least[: self.rounds])

    def _pairs(self, name: str, count: int) -> dict[int, tuple[Measured, Measured]]:
        own, base = self._found[name, count], self._found[self._base, count]
        return {number: (found, base[number]) for number, found in own.items()}


def _busiest(pair: tuple[Measured, ...]) -> float:
    return max(each.others_share for each in pair)


def _orders(chance: random.Random) -> Callable[[Sequence[str]], list[str]]:
    """Makes what orders the files of each round: shuffled, then the same backwards, and so on."""
    last: list[str] = []

    def order(names: Sequence[str]) -> list[str]:
        backwards = last[::-1]
        if set(backwards) == set(names):
            last.clear()
            return backwards
        last[:] = chance.sample(list(names), len(names))
        return list(last)

    return order
