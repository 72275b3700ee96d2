"""What a step gave: the numbers of one variant, against float32 on the same photos."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from effq_core.base.errors import InputError, StoreError
from effq_core.base.plain import Plain
from effq_core.measure.latency import Ratio
from effq_core.results import Results


class Tells(StrEnum):
    """Whether the photos are enough to tell a drop from a limit."""

    WITHIN = "within"  # the whole 95 % interval of the drop is within the limit
    BEYOND = "beyond"  # the whole interval is beyond it
    OPEN = "open"  # the limit lies in the interval: so many photos cannot tell


@dataclass(frozen=True, kw_only=True)
class Outcome(Plain):
    """What one variant loses against float32, and what it costs."""

    variant: str
    n: int
    top1: float | None  # share that is right, 0–1; ``None`` without labels
    low: float | None  # lower end of its 95 % interval (Wilson)
    high: float | None
    float32_top1: float | None  # Float32's share on the same photos
    # Top-1 lost against float32, percentage points; without labels, other answers, per cent.
    drop_points: float
    drop_low: float  # lower end of the drop's 95 % interval (paired; of the disagreement: Wilson)
    drop_high: float
    p: float | None  # of the exact McNemar test; ``None`` without labels
    worse: int | None  # photos only float32 gets right; ``None`` without labels
    better: int | None
    agreement: float  # share of photos with float32's answer, 0–1
    kl: float  # mean Kullback-Leibler divergence from float32, nats
    size_bytes: int
    latency_ms: dict[str, float]  # median time of one photo by thread count, as text, milliseconds
    disturbed: bool = False  # whether other processes were busy while it was timed
    failed_gates: tuple[str, ...] = ()  # checks it does not pass: then it counts as no remedy
    kept: tuple[str, ...] = ()  # blocks or layers it keeps in floats
    # Whether float32 answered as in the first step: a head may be trained on other photos.
    same_float32: bool = True
    # How many times as fast as float32 of the same sitting, by threads; empty in old records.
    speedup: dict[str, Ratio] = field(default_factory=dict)

    @property
    def is_labelled(self) -> bool:
        """Whether the drop is one of accuracy."""
        return self.top1 is not None

    def meets(self, limit: float) -> bool:
        """Returns whether the drop is within a limit in points, and the variant to be trusted."""
        # A drop is k/n: what only rounding puts beyond the limit is not beyond it.
        return self.drop_points <= limit + 1e-9 and not self.failed_gates

    def tells(self, limit: float) -> Tells:
        """Returns whether so many photos are enough to tell, of a limit in percentage points."""
        if self.drop_high <= limit:
            return Tells.WITHIN
        return Tells.BEYOND if self.drop_low > limit else Tells.OPEN


def outcome_of(results: Results, variant: str, first: Results | None = None) -> Outcome:
    """Reads what a step gave, against the first step's float32; InputError without the variant."""
    found = results.variants.get(variant)
    if found is None:
        raise InputError(f"The run has no {variant}.", f"It has: {', '.join(results.variants)}.")
    comparison = found.comparison
    if comparison is None:
        raise StoreError(f"{found.title} was not compared with float32.", "Run it again.")
    own, float32 = found.accuracy.top1, results.baseline.accuracy.top1
    if comparison.difference_points is None:
        same = comparison.agreement
        drop, low, high = (100 * (1 - share) for share in (same.share, same.high, same.low))
    else:
        ends = (comparison.difference_points, comparison.high_points, comparison.low_points)
        drop, low, high = (0.0 - (end or 0.0) for end in ends)
    return Outcome(
        variant=variant,
        n=comparison.n,
        top1=own.share if own else None,
        low=own.low if own else None,
        high=own.high if own else None,
        float32_top1=float32.share if float32 else None,
        drop_points=drop,
        drop_low=low,
        drop_high=high,
        p=comparison.p,
        worse=comparison.worse,
        better=comparison.better,
        agreement=comparison.agreement.share,
        kl=comparison.kl,
        size_bytes=found.file.size_bytes,
        latency_ms={str(timing.threads): timing.median_ms for timing in found.latency},
        disturbed=any(timing.disturbed for timing in found.latency),
        failed_gates=tuple(gate.name for gate in found.failed_gates),
        kept=tuple(found.conversion.get("keep") or ()),
        same_float32=first is None or _same_float32(results, first),
        speedup={
            str(timing.threads): ratio
            for timing in found.latency
            if (ratio := results.speedup(variant, timing.threads)) is not None and ratio.together
        },
    )


def _same_float32(results: Results, first: Results) -> bool:
    one, other = results.baseline, first.baseline
    if one.predictions == other.predictions:  # the very same artifact
        return True
    try:
        found = results.predictions(one.name)
        before = first.predictions(other.name)
    except StoreError:  # what is gone cannot be shown to be the same
        return False
    return found.keys == before.keys and np.array_equal(found.probabilities, before.probabilities)
