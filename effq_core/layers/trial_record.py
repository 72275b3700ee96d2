"""Every file that a search tried, and which one was taken. Imports no TensorFlow."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from effq_core.base.intervals import Proportion
from effq_core.base.plain import Plain, Record
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import MIXED
from effq_core.measure.latency import Ratio

TRIALS_FILE = "trials.json"


@dataclass(frozen=True, kw_only=True)
class TrialRecord(Plain):
    """One file, measured on photos: with blocks kept in floats, or with fewer bits."""

    keep: tuple[str, ...] = ()  # blocks and layers kept in floats
    precision: Precision | None = None  # what their kernels are stored in
    widths: Mapping[str, int] | None = None  # bits of weights by layer, where they are fitted
    size_bytes: int
    extra_size: float  # how much larger than int8 it is, in per cent
    n: int  # evaluation photos
    top1: Proportion | None  # photos it gets right; ``None`` without labels
    # Top-1 lost against float32, percentage points; without labels, photos answered otherwise.
    drop_points: float
    agreement: Proportion  # photos that get float32's top-1 class
    kl: float  # mean Kullback-Leibler divergence from float32, in nats
    latency_ms: float  # median of one invocation on one thread, in milliseconds
    int8_ms: float  # of int8, timed in turn with it
    float32_ms: float  # of float32, likewise
    busy: bool  # whether other processes took so much of the processor that times are too long
    ok: bool  # whether it holds every limit
    why: str  # which limits it breaks, and by how much, in words; empty if none
    # Of the exact McNemar test against float32; ``None`` without labels and in old records.
    p: float | None = None
    # How many times as long as int8 it takes, round by round; ``None`` in old records.
    against_int8: Ratio | None = None

    @property
    def is_int8(self) -> bool:
        """Whether it is int8 itself."""
        return not self.keep and not self.widths

    @property
    def what(self) -> str:
        """What sets it apart from int8: blocks kept, or layers by bits; empty for int8."""
        counted = Counter((self.widths or {}).values())
        layers = [f"{counted[bits]} × {bits} bits" for bits in sorted(counted, reverse=True)]
        return ", ".join((*self.keep, *layers))

    @property
    def time(self) -> Ratio:
        """How many times as long as int8 it takes, on one thread."""
        if self.against_int8 is not None:
            return self.against_int8
        times = self.latency_ms / self.int8_ms
        return Ratio(times=times, low=times, high=times, rounds=0, disturbed=self.busy)


@dataclass(frozen=True, kw_only=True)
class Suggestion(Record):
    """A search for what holds the limits: the fewest blocks in floats, or bits of each layer."""

    FILE = TRIALS_FILE
    WHAT = "The trials"

    # Every file that was measured, in order; the first is int8 itself.
    trials: tuple[TrialRecord, ...]
    chosen: int  # which of them was taken
    met: bool  # whether it holds every limit
    labelled: bool  # whether photos have labels; without them ``drop_points`` is disagreement
    # What float32 gets right on the same photos; ``None`` without labels.
    float32_top1: Proportion | None
    float32_bytes: int  # size of the float32 file
    # The limits asked for: see :class:`~effq_core.experiment.mixed.Mixed`.
    max_drop_points: float | None  # ``None``: any; what loses least was looked for
    max_extra_size: float  # in per cent of int8's size; below 0: it had to be smaller
    max_latency_ratio: float | None  # ``None``: any
    complete: bool  # whether the search came to its end; ``False``: its time was up
    seconds: float  # time it took, waits for a restart not counted
    # What came out, in plain words, and that the choice was made on these very photos.
    sentence: str
    variant: str = MIXED  # whose file was looked for
    photos: str = "evaluation"  # which sample of photos every file was measured on

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
