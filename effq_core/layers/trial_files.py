"""Measuring all that limits are set on, for any file that a search makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment.variants import BASELINE, PTQ
from effq_core.layers.ledger import Clock, Ledger, TimeUp
from effq_core.layers.trial_record import TrialRecord
from effq_core.measure.accuracy import score
from effq_core.measure.latency import LatencyReport, ratio_of
from effq_core.measure.predictions import Floats, Predictions
from effq_core.measure.sitting import time_together
from effq_core.measure.statistics import compare
from effq_core.runtimes.model import ModelPool

INVOCATIONS = 51  # timed invocations of each of the three files: only ratios count
ROUNDS = 3  # in which they are timed in turn
LEDGER = "trials.json"

Timing = Callable[[Mapping[str, Path], Reporter], Mapping[str, LatencyReport]]
"""Times files by name in one sitting, on one thread."""


class Trials:
    """Measures files beside int8 on photos, uint8 ``(n, side, side, 3)``, each once.

    Against float32's ``answers``; what is in ``scratch``, which survives a kill, is not measured
    again.
    """

    def __init__(
        self,
        variant: str,
        *,
        float32: Path,
        int8: Path,
        images: np.ndarray[Any, Any],
        answers: Predictions,
        int8_answers: Predictions,
        budget_seconds: float,
        scratch: Path,
        reporter: Reporter,
        clock: Clock = time.monotonic,
        timing: Timing | None = None,
    ) -> None:
        self._variant, self._float32, self._int8 = variant, float32, int8
        self._images, self._answers, self._int8_answers = images, answers, int8_answers
        self._budget = budget_seconds
        self._ledger = Ledger(scratch, LEDGER, clock)
        self._scratch, self._reporter = scratch, PreparingReporter(reporter)
        self._time = timing or time_beside_int8
        self._found: dict[str, TrialRecord] = {}

    @property
    def seconds(self) -> float:
        """Time so far, that of a killed process included."""
        return self._ledger.seconds

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All that were asked for, each once, in order."""
        return tuple(self._found.values())

    def measured(
        self,
        key: str,
        make: Callable[[], bytes] | None,
        judge: Callable[[TrialRecord], str],
        *,
        must: bool = False,
        **what: Any,
    ) -> TrialRecord:
        """Measures a file.

        Args:
            key: Tells it from others.
            make: Makes it; ``None``: it is int8 itself.
            judge: Says which limits a trial breaks; empty if none.
            must: Whether it is measured even where time is up.
            what: Fields of the record that say what it is.

        Raises:
            TimeUp: If it was not measured before, and time is up.
            Cancelled: If the user asked to stop.
            StageError: If it cannot be made.
        """
        # int8 itself is measured in any case: the search is about it.
        if make and not must and key not in self._ledger and self.seconds >= self._budget:
            raise TimeUp
        plain = self._ledger.get(key, lambda: self._measure(make, judge, what).to_dict())
        return self._found.setdefault(key, TrialRecord.from_dict(plain))

    def _measure(
        self,
        make: Callable[[], bytes] | None,
        judge: Callable[[TrialRecord], str],
        what: Mapping[str, Any],
    ) -> TrialRecord:
        self._reporter.check_cancelled()
        if make is None:
            found = self._record(self._int8, self._int8_answers.probabilities, what, own=PTQ)
        else:
            file = self._scratch / "trial.tflite"
            try:
                # A new file each time: interpreters map the old one until they are collected.
                file.unlink(missing_ok=True)
                file.write_bytes(make())
                answers = ModelPool(file).predict_many(self._images, self._reporter)
                found = self._record(file, answers, what, own=self._variant)
            finally:
                file.unlink(missing_ok=True)
        why = judge(found)
        return replace(found, ok=not why, why=why)

    def _record(
        self, file: Path, answers: Floats, what: Mapping[str, Any], *, own: str
    ) -> TrialRecord:
        predictions = replace(self._answers, probabilities=answers)
        comparison = compare(self._answers, predictions)
        points = comparison.difference_points
        # int8 beside itself would differ from itself by noise alone.
        timings = self._time({PTQ: self._int8, BASELINE: self._float32, own: file}, self._reporter)
        size, int8 = file.stat().st_size, self._int8.stat().st_size
        return TrialRecord(
            **what,
            size_bytes=size,
            extra_size=100 * (size / int8 - 1),
            n=predictions.n,
            top1=score(predictions).top1,
            # 0 - 0 is 0, where -0 would be written as a gain.
            drop_points=100 * (1 - comparison.agreement.share) if points is None else 0 - points,
            agreement=comparison.agreement,
            kl=comparison.kl,
            latency_ms=timings[own].median_ms,
            int8_ms=timings[PTQ].median_ms,
            float32_ms=timings[BASELINE].median_ms,
            busy=any(timing.disturbed for timing in timings.values()),
            against_int8=ratio_of(timings[own], timings[PTQ]),
            ok=False,
            why="",
            p=comparison.p,
        )


def time_beside_int8(
    files: Mapping[str, Path],
    reporter: Reporter,
    *,
    again: bool = True,
    pause: Callable[[], object] = lambda: None,
) -> dict[str, LatencyReport]:
    """Times files, by variant and int8 among them, in turn on one thread, after a ``pause``."""
    found = time_together(
        files,
        PTQ,
        [1],
        invocations=INVOCATIONS,
        rounds=ROUNDS,
        again=again,
        reporter=reporter,
        pause=pause,
    )
    return {name: reports[0] for name, reports in found.items()}
