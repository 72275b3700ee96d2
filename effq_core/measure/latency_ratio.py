"""How many times as fast one file is as another: the one place where latencies are divided."""

from dataclasses import dataclass

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.measure.latency import LatencyReport

MARK = "*"  # stands after every ratio that was made from a disturbed timing
NOT_TOGETHER = "not timed together"  # in place of an interval over rounds


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times as fast one file is as another."""

    times: float  # median over the shared rounds; else of the medians
    low: float  # of the lowest round; of separate timings what their medians' intervals allow
    high: float  # of the highest round
    rounds: int  # rounds both were timed in; 0: they were timed separately
    # Whether other processes were too busy during any timing it is made from. Then it may be shown
    # with :data:`MARK`, and nothing may be decided by it.
    disturbed: bool

    @property
    def together(self) -> bool:
        """Whether both files were timed in turn."""
        return self.rounds > 0

    @property
    def text(self) -> str:
        """The ratio for people, marked where it was disturbed: ``2.87×`` or ``2.87×*``."""
        return fmt.ratio(self.times) + (MARK if self.disturbed else "")

    @property
    def interval(self) -> str:
        """Lowest and highest round, or that there were none: ``2.80× to 2.95×, 5 rounds``."""
        if not self.together:
            return NOT_TOGETHER
        ends = f"{fmt.ratio(self.low)} to {fmt.ratio(self.high)}"
        return f"{ends}, {fmt.counted(self.rounds, 'round')}"

    @property
    def full_text(self) -> str:
        """The ratio with its interval in brackets."""
        return f"{self.text} ({self.interval})"


def ratio_of(base: LatencyReport, own: LatencyReport) -> Ratio:
    """Says how many times as fast a file is as another, round by round where in one sitting."""
    slow, fast = base.round_medians(), own.round_medians()
    shared = [number for number in fast if number in slow]
    if not base.sitting or base.sitting != own.sitting or not shared:
        return Ratio(
            times=base.median_ms / own.median_ms,
            low=base.median_low_ms / own.median_high_ms,
            high=base.median_high_ms / own.median_low_ms,
            rounds=0,
            disturbed=base.disturbed or own.disturbed,
        )
    found = [slow[number] / fast[number] for number in shared]
    used = [each for report in (base, own) for each in report.rounds if each.number in shared]
    return Ratio(
        times=float(np.median(found)),
        low=min(found),
        high=max(found),
        rounds=len(found),
        disturbed=any(each.disturbed for each in used),
    )


def quotient(first: Ratio, second: Ratio) -> Ratio:
    """Divides two speed-ups over the same file; its ends are what both sittings allow together."""
    return Ratio(
        times=first.times / second.times,
        low=first.low / second.high,
        high=first.high / second.low,
        rounds=min(first.rounds, second.rounds),
        disturbed=first.disturbed or second.disturbed,
    )
