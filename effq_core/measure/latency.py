"""How long one invocation takes: what was measured, and the report made of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.hardware import Hardware, describe
from effq_core.base.intervals import median_interval
from effq_core.base.plain import Plain
from effq_core.measure.others import is_busy


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one process measured of a file at one thread count. Times are in milliseconds."""

    threads: int  # threads an invocation could use
    samples_ms: tuple[float, ...]  # every timed invocation, in order
    load_ms: float  # opening the file and preparing its tensors
    first_invoke_ms: float
    peak_memory_kib: int  # growth of the process's resident memory to its highest point
    others_share: float  # share of all cores that other processes used meanwhile, 0–1
    first: bool = True  # whether the first thread count of its process: only that is cold

    @property
    def disturbed(self) -> bool:
        """Whether other processes were too busy to trust it."""
        return is_busy(self.others_share)


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a report has of one round of its sitting."""

    number: int  # of the round, from 1; files timed in the same one can be compared
    samples: int  # timed invocations in it
    others_share: float  # share of all cores that other processes used meanwhile, 0–1

    @property
    def disturbed(self) -> bool:
        """Whether other processes were too busy to trust it."""
        return is_busy(self.others_share)


@dataclass(frozen=True, kw_only=True)
class LatencyReport(Plain):
    """Timings of one file at one thread count. Times are in milliseconds."""

    samples_ms: tuple[float, ...]  # every timed invocation, in order, one round after the other
    threads: int  # threads an invocation may use
    warmup: int  # at least so many invocations before the timed ones of a process
    mean_ms: float  # mean (what the paper reports)
    median_ms: float
    median_low_ms: float  # lower end of a distribution-free 95 % interval of the median
    median_high_ms: float  # upper end
    p90_ms: float  # 90th percentile
    p99_ms: float  # 99th percentile
    min_ms: float
    std_ms: float  # standard deviation (n - 1)
    images_per_second: float  # invocations one interpreter does in a second, by the median
    load_ms: float  # opening and preparing the file; of rounds the median, as the next three
    first_invoke_ms: float
    cold_start_ms: float  # both together: what a user waits for the first answer
    peak_memory_kib: int  # growth of resident memory to its highest point
    others_share: float  # of all cores, by other processes meanwhile, 0–1; the largest of rounds
    warning: str  # why not to trust the timing; empty where nothing speaks against it
    hardware: Hardware
    sitting: str = ""  # tells files timed in turn; empty where timed alone
    rounds: tuple[Round, ...] = ()  # of that sitting, in the order of the samples

    @property
    def disturbed(self) -> bool:
        """Whether other processes were too busy to trust it, and any ratio made from it."""
        return is_busy(self.others_share)

    def round_medians(self) -> dict[int, float]:
        """Returns the median of each round by its number, in milliseconds."""
        found, start = {}, 0
        for each in self.rounds:
            found[each.number] = float(np.median(self.samples_ms[start : start + each.samples]))
            start += each.samples
        return found


def summarize(measured: Mapping[int, Measured], *, warmup: int, sitting: str = "") -> LatencyReport:
    """Turns raw timings of a file at one thread count, by round, into a report of their sitting."""
    found = list(measured.values())
    samples = tuple(sample for each in found for sample in each.samples_ms)
    low, high = median_interval(samples)
    median = float(np.median(samples))
    share = max(each.others_share for each in found)
    # A file that was never the first of a process was at least loaded in it.
    cold = [each for each in found if each.first] or found

    def middle(values: Iterable[float]) -> float:
        return float(np.median(list(values)))

    rounds = tuple(
        Round(number=number, samples=len(each.samples_ms), others_share=each.others_share)
        for number, each in measured.items()
    )
    return LatencyReport(
        samples_ms=samples,
        threads=found[0].threads,
        warmup=warmup,
        mean_ms=float(np.mean(samples)),
        median_ms=median,
        median_low_ms=low,
        median_high_ms=high,
        p90_ms=float(np.percentile(samples, 90)),
        p99_ms=float(np.percentile(samples, 99)),
        min_ms=min(samples),
        std_ms=float(np.std(samples, ddof=1)),
        images_per_second=1000 / median,
        load_ms=middle(each.load_ms for each in cold),
        first_invoke_ms=middle(each.first_invoke_ms for each in cold),
        cold_start_ms=middle(each.load_ms + each.first_invoke_ms for each in cold),
        peak_memory_kib=int(middle(each.peak_memory_kib for each in cold)),
        others_share=share,
        warning=busy_warning(share),
        hardware=describe(),
        sitting=sitting,
        rounds=rounds if sitting else (),
    )


def busy_warning(others_share: float) -> str:
    """Says whether a machine was too busy to trust a timing; nothing up to :data:`BUSY_SHARE`."""
    if not is_busy(others_share):
        return ""
    return (
        f"Other processes used {100 * others_share:.0f} % of the processor during the measurement; "
        "times are too long. Close them and measure again."
    )


MARK = "*"  # stands after every ratio that was made from a disturbed timing
NOT_TOGETHER = "not timed together"  # in place of an interval over rounds


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times as fast one file is as another."""

    times: float  # median over the shared rounds; else of the medians
    low: float  # of the lowest round; of separate timings what their medians' intervals allow
    high: float  # of the highest round
    rounds: int  # rounds both were timed in; 0: they were timed separately
    disturbed: bool  # whether others were too busy: shown with :data:`MARK`, it decides nothing

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
        times, disturbed = base.median_ms / own.median_ms, base.disturbed or own.disturbed
        low = base.median_low_ms / own.median_high_ms
        high = base.median_high_ms / own.median_low_ms
        return Ratio(times=times, low=low, high=high, rounds=0, disturbed=disturbed)
    found = [slow[number] / fast[number] for number in shared]
    used = [each for report in (base, own) for each in report.rounds if each.number in shared]
    times, busy = float(np.median(found)), any(each.disturbed for each in used)
    low, high = min(found), max(found)
    return Ratio(times=times, low=low, high=high, rounds=len(found), disturbed=busy)


def quotient(first: Ratio, second: Ratio) -> Ratio:
    """Divides two speed-ups over the same file; its ends are what both sittings allow together."""
    times, low, high = first.times / second.times, first.low / second.high, first.high / second.low
    rounds, disturbed = min(first.rounds, second.rounds), first.disturbed or second.disturbed
    return Ratio(times=times, low=low, high=high, rounds=rounds, disturbed=disturbed)
