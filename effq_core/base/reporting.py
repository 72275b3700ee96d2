"""What long work tells whoever watches it, and how it learns that it should stop."""

from typing import Any, Protocol


class Reporter(Protocol):
    """The only link between a computation and the run it belongs to."""

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Tells how much of the current work is finished."""

    def event(self, kind: str, **values: Any) -> None:
        """Records something worth keeping, as JSON values: ``epoch``, ``skipped``, ``warning``."""

    def check_cancelled(self) -> None:
        """Raises Cancelled if the user asked to stop. Call this at least once a batch."""


class SilentReporter:
    """A reporter nobody listens to."""

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Does nothing."""

    def event(self, kind: str, **values: Any) -> None:
        """Does nothing."""

    def check_cancelled(self) -> None:
        """Never stops."""


class PreparingReporter(SilentReporter):
    """Passes on all but progress, of work before what is counted: a bar filled twice misleads."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        self._reporter.event(kind, **values)

    def check_cancelled(self) -> None:
        """Stops when the other one does."""
        self._reporter.check_cancelled()
