"""What long work has measured so far, so that a killed stage goes on where it was."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

Clock = Callable[[], float]


class TimeUp(Exception):  # noqa: N818 - an outcome, not a fault; never leaves this package
    """There is no time for another measurement."""


class Ledger:
    """Results by name in a file replaced after each, so that a stage goes on after a restart."""

    def __init__(self, folder: Path, name: str, clock: Clock = time.monotonic) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / name
        self._clock = clock
        self._begun = clock()
        self._results, self._before = self._read()

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def __len__(self) -> int:
        return len(self._results)

    @property
    def seconds(self) -> float:
        """Time of this process and of those before it, up to their last result."""
        return self._before + self._clock() - self._begun

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Returns a result, JSON values, measuring it unless it is here."""
        if key not in self._results:
            self._results[key] = json.loads(json.dumps(measure()))
            self._write()
        return self._results[key]

    def _read(self) -> tuple[dict[str, Any], float]:
        if not self._path.is_file():
            return {}, 0.0
        try:
            plain = json.loads(self._path.read_text(encoding="utf-8"))
            return dict(plain["results"]), float(plain["seconds"])
        except (ValueError, KeyError, TypeError) as error:
            # It is only replaced whole: something else has damaged it, and all can be had again.
            log.warning("%s cannot be read (%s): measuring again.", self._path, error)
            return {}, 0.0

    def _write(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        plain = {"results": self._results, "seconds": self.seconds}
        temporary.write_text(json.dumps(plain), encoding="utf-8")
        temporary.replace(self._path)
