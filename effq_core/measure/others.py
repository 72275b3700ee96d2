"""How much of the processor other processes use."""

import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]

_LOOK_SECONDS = 1.0  # for how long the processor must be quiet
_STEP_SECONDS = 0.2


class QuietCpu:
    """Waits for a quiet processor, altogether no longer than a limit."""

    def __init__(
        self,
        limit: float,  # seconds all waits of a sitting may take together; 0: none
        *,
        asked: Callable[[], bool] = lambda: False,  # whether to time at once
        tell: Callable[[bool], object] = lambda _: None,  # a wait begins, or ends
        check: Callable[[], None] = lambda: None,  # five times a second; may raise
        others: Callable[[], float] | None = None,  # share of all cores used just now
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left, self._asked, self._tell, self._check = limit, asked, tell, check
        self._others, self._clock = others or self._look, clock

    def wait(self) -> bool:
        """Returns whether it is quiet, once it is, time is up, or somebody asked to time now."""
        told, begun = False, self._clock()
        try:
            while self._clock() - begun < self._left and not self._asked():
                self._check()
                if not is_busy(self._others()):
                    return True
                if not told:
                    self._tell(True)
                    told = True
            return False
        finally:
            self._left -= self._clock() - begun
            if told:
                self._tell(False)

    def _look(self) -> float:
        watch, end = OtherProcesses(), time.monotonic() + _LOOK_SECONDS
        while time.monotonic() < end and not self._asked():
            self._check()
            time.sleep(_STEP_SECONDS)
        return watch.share()


BUSY_SHARE = 0.10  # of all cores, used by others without a warning; an idle desktop: below 0.05


def is_busy(others_share: float) -> bool:
    """Returns whether other processes used so much that a timing cannot be trusted."""
    return others_share > BUSY_SHARE


class OtherProcesses:
    """Processor time that is neither idle nor this process's, since it was made."""

    def __init__(self) -> None:
        self._busy, self._total = self._machine()
        self._own = time.process_time()  # of all threads; os.times() counts in hundredths

    def share(self) -> float:
        """Returns the share of all cores others used, 0–1."""
        busy, total = self._machine()
        elapsed = total - self._total
        if elapsed <= 0:  # shorter than one tick of the system's clock
            return 0.0
        others = (busy - self._busy) - (time.process_time() - self._own)
        return min(1.0, max(0.0, others / elapsed))

    @staticmethod
    def _machine() -> tuple[float, float]:
        times = psutil.cpu_times()._asdict()
        # Linux counts a guest's time twice, as user and as guest. What a hypervisor took away
        # (steal) counts as busy: it is time we did not get.
        total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
        return total - times["idle"] - times.get("iowait", 0.0), total
