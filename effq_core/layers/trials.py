"""Making one mixed file and measuring all that limits are set on (uses TensorFlow)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment.mixed import Mixed
from effq_core.experiment.variants import BASELINE, MIXED, PTQ
from effq_core.layers.ledger import Clock, Ledger, TimeUp
from effq_core.layers.trial_record import TrialRecord
from effq_core.layers.trial_wording import broken_limits
from effq_core.measure.accuracy import score
from effq_core.measure.latency import LatencyReport, ratio_of
from effq_core.measure.predictions import Floats, Predictions
from effq_core.measure.sitting import time_together
from effq_core.measure.statistics import compare
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_mixed
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.network import Network, read_network

INVOCATIONS = 51  # timed invocations of each of the three files: only ratios count
ROUNDS = 3  # in which they are timed in turn

Timing = Callable[[Mapping[str, Path], Reporter], Mapping[str, LatencyReport]]
"""Times files by name in one sitting, on one thread."""

LEDGER = "trials.json"


class Bench:
    """Tries sets of blocks on the evaluation photos, uint8 ``(n, side, side, 3)``, each once.

    By ``ranges`` of tensors and float32's ``answers``; what is in ``scratch``, which
    survives a kill, is not measured again.
    """

    def __init__(
        self,
        *,
        float32: Path,
        int8: Path,
        ranges: Ranges,
        images: np.ndarray[Any, Any],
        answers: Predictions,
        int8_answers: Predictions,
        settings: Mixed,
        scratch: Path,
        reporter: Reporter,
        clock: Clock = time.monotonic,
        timing: Timing | None = None,
    ) -> None:
        self._float32, self._int8 = float32, int8
        self._content, self._ranges, self._images = float32.read_bytes(), ranges, images
        self._answers, self._int8_answers = answers, int8_answers
        self.settings, self.network = settings, read_network(self._content)
        self._ledger = Ledger(scratch, LEDGER, clock)
        self._scratch, self._reporter = scratch, PreparingReporter(reporter)
        self._time = timing or time_beside_int8
        self._order: list[tuple[str, ...]] = []

    @property
    def seconds(self) -> float:
        """Time so far, that of a killed process included."""
        return self._ledger.seconds

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All that were asked for, each once, in order."""
        return tuple(self.trial(keep) for keep in self._order)

    def trial(self, keep: tuple[str, ...]) -> TrialRecord:
        """Measures the file that keeps these blocks and layers in floats; with none, int8 itself.

        Raises TimeUp if it was not measured before, and time is up; Cancelled if the user asked to
        stop; StageError if the quantizer refuses the file.
        """
        keep = in_graph_order(self.network, keep)
        key = "keep:" + ",".join(keep)
        # int8 itself is measured in any case: the search is about it.
        if keep and key not in self._ledger and self.seconds >= self.settings.budget_seconds:
            raise TimeUp
        plain = self._ledger.get(key, lambda: self._measure(keep).to_dict())
        if keep not in self._order:
            self._order.append(keep)
        return TrialRecord.from_dict(plain)

    def _measure(self, keep: tuple[str, ...]) -> TrialRecord:
        self._reporter.check_cancelled()
        if not keep:
            return self._record(keep, self._int8, self._int8_answers.probabilities)
        file = self._scratch / "trial.tflite"
        try:
            # A new file each time: interpreters map the old one until they are collected.
            file.unlink(missing_ok=True)
            floats = self.network.tensors_of(keep)
            precision = self.settings.precision
            file.write_bytes(quantize_mixed(self._content, self._ranges, floats, precision))
            return self._record(
                keep, file, ModelPool(file).predict_many(self._images, self._reporter)
            )
        finally:
            file.unlink(missing_ok=True)

    def _record(self, keep: tuple[str, ...], file: Path, found: Floats) -> TrialRecord:
        predictions = replace(self._answers, probabilities=found)
        comparison = compare(self._answers, predictions)
        points = comparison.difference_points
        files = {PTQ: self._int8, BASELINE: self._float32}
        # int8 beside itself would differ from itself by noise alone.
        timings = self._time({**files, MIXED: file} if keep else files, self._reporter)
        own = timings[MIXED if keep else PTQ]
        size, int8 = file.stat().st_size, self._int8.stat().st_size
        measured = TrialRecord(
            keep=keep,
            precision=self.settings.precision,
            size_bytes=size,
            extra_size=100 * (size / int8 - 1),
            n=predictions.n,
            top1=score(predictions).top1,
            # 0 - 0 is 0, where -0 would be written as a gain.
            drop_points=100 * (1 - comparison.agreement.share) if points is None else 0 - points,
            agreement=comparison.agreement,
            kl=comparison.kl,
            latency_ms=own.median_ms,
            int8_ms=timings[PTQ].median_ms,
            float32_ms=timings[BASELINE].median_ms,
            busy=any(timing.disturbed for timing in timings.values()),
            against_int8=ratio_of(own, timings[PTQ]),
            ok=False,
            why="",
            p=comparison.p,
        )
        why = broken_limits(measured, self.settings, labelled=points is not None)
        return replace(measured, ok=not why, why=why)


def in_graph_order(network: Network, names: tuple[str, ...]) -> tuple[str, ...]:
    """Orders blocks and layers as the graph does, each once."""
    places = {op.tensor: number for number, op in enumerate(network.ops)}
    return tuple(sorted(set(names), key=lambda name: (places[network.tensors_of([name])[0]], name)))


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
