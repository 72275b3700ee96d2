"""Every set of blocks that was tried in floats, and which one was taken. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.base.intervals import Proportion
from effq_core.base.plain import Plain, Record
from effq_core.experiment.mixed import Precision
from effq_core.measure.latency_ratio import Ratio

TRIALS_FILE = "trials.json"


@dataclass(frozen=True, kw_only=True)
class TrialRecord(Plain):
    """One mixed file, measured on the evaluation photos.

    Attributes:
        keep: Blocks and layers kept in floats; none: int8 itself.
        precision: What their kernels are stored in.
        size_bytes: Of the file.
        extra_size: How much larger than int8 it is, in per cent.
        n: Evaluation photos.
        top1: Photos it gets right; ``None`` without labels.
        drop_points: What it loses against float32 on the same photos, in percentage points:
            top-1; without labels, the share of photos on which it disagrees with float32.
        agreement: Photos that get float32's top-1 class.
        kl: Mean Kullback-Leibler divergence from float32, in nats.
        latency_ms: Median of one invocation on one thread, in milliseconds.
        int8_ms: Of int8, timed in turn with it.
        float32_ms: Of float32, likewise.
        busy: Whether other processes took so much of the processor that times are too long.
        ok: Whether it holds every limit.
        why: Which limits it breaks, and by how much, in words; empty if none.
        p: Of the exact McNemar test against float32; ``None`` without labels, and in records
            written before it was kept.
        against_int8: How many times as long as int8 it takes, round by round; ``None``: it was
            measured before files were timed in turn.
    """

    keep: tuple[str, ...]
    precision: Precision
    size_bytes: int
    extra_size: float
    n: int
    top1: Proportion | None
    drop_points: float
    agreement: Proportion
    kl: float
    latency_ms: float
    int8_ms: float
    float32_ms: float
    busy: bool
    ok: bool
    why: str
    p: float | None = None
    against_int8: Ratio | None = None

    @property
    def time(self) -> Ratio:
        """How many times as long as int8 it takes, on one thread."""
        if self.against_int8 is not None:
            return self.against_int8
        times = self.latency_ms / self.int8_ms
        return Ratio(times=times, low=times, high=times, rounds=0, disturbed=self.busy)


@dataclass(frozen=True, kw_only=True)
class Suggestion(Record):
    """A search for the smallest set of blocks that holds the limits.

    Attributes:
        trials: Every file that was measured, in order; the first is int8 itself.
        chosen: Which of them was taken.
        met: Whether it holds every limit.
        labelled: Whether photos have labels; without them ``drop_points`` is disagreement.
        float32_top1: What float32 gets right on the same photos; ``None`` without labels.
        float32_bytes: Size of the float32 file.
        max_drop_points: The limits asked for: see :class:`~effq_core.experiment.mixed.Mixed`.
        max_extra_size: In per cent.
        max_latency_ratio: ``None``: any.
        complete: Whether the search came to its end; ``False``: its time was up.
        seconds: Time it took, waits for a restart not counted.
        sentence: What came out, in plain words: what is kept, what it gives, or which limit could
            not be held; and that the choice among the trials was made on these very photos.
    """

    FILE = TRIALS_FILE
    WHAT = "The trials"

    trials: tuple[TrialRecord, ...]
    chosen: int
    met: bool
    labelled: bool
    float32_top1: Proportion | None
    float32_bytes: int
    max_drop_points: float
    max_extra_size: float
    max_latency_ratio: float | None
    complete: bool
    seconds: float
    sentence: str

    def __post_init__(self) -> None:
        """Looks the choice up, so that a wrong number is a damaged file and no later error."""
        self.trials[self.chosen]

    @property
    def choice(self) -> TrialRecord:
        """The trial that was taken."""
        return self.trials[self.chosen]

    @property
    def int8(self) -> TrialRecord:
        """The trial that keeps nothing."""
        return self.trials[0]
