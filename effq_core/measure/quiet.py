"""Waiting until nothing else uses the processor, so that a timing is fair."""

import time
from collections.abc import Callable

from effq_core.measure.others import OtherProcesses, is_busy

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
