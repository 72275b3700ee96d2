"""How much of the processor other processes use."""

import time

import psutil  # type: ignore[import-untyped]

BUSY_SHARE = 0.10
"""Share of all cores others may use without a warning; an idle desktop stays below 0.05."""


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
