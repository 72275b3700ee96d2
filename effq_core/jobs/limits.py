"""How much goes on at a time, in a store or the server's process; who comes later waits."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from effq_core.base import formatting as fmt
from effq_core.base.errors import BusyError

MIB = 1 << 20
_AGAIN = "Try again in a moment: what you have given is still here."
_POLL = 0.1


def refuse_more(active: int, most: int, what: str, hint: str) -> None:
    """Refuses another job where as many of its kind go on as may: ``4 rescues are going on``."""
    if active >= most:
        raise BusyError(f"{active} {what}, and no more than {most} may.", hint)


class Room:
    """Bounds how much of one kind of work goes on; ``waiting`` more wait ``patience`` seconds."""

    def __init__(self, what: str, most: int, *, waiting: int = 0, patience: float = 0.0) -> None:
        self.what, self.most, self.waiting, self.patience = what, most, waiting, patience
        self._changed = threading.Condition()
        self._inside = 0
        self._outside = 0

    @property
    def inside(self) -> int:
        """How many are worked on or wait."""
        with self._changed:
            return self._inside + self._outside

    @contextmanager
    def enter(self, count: int = 1, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Holds room for the block, or raises ``BusyError``; ``on_wait`` may raise to give up."""
        self._take(count, on_wait)
        try:
            yield
        finally:
            self.leave(count)

    def take(self) -> None:
        """Takes room for one without waiting; :meth:`leave` gives it back."""
        with self._changed:
            if self._inside >= self.most:
                raise self._busy()
            self._inside += 1

    def leave(self, count: int = 1) -> None:
        """Gives room back."""
        with self._changed:
            self._inside -= count
            self._changed.notify_all()

    def _take(self, count: int, on_wait: Callable[[], None]) -> None:
        until = time.monotonic() + self.patience
        with self._changed:
            if self._inside + count <= self.most:
                self._inside += count
                return
            if self._outside >= self.waiting:
                raise self._busy()
            self._outside += 1
        try:
            while True:
                on_wait()  # without the lock: it may draw, or raise
                with self._changed:
                    if self._inside + count <= self.most:
                        self._inside += count
                        return
                    if time.monotonic() > until:
                        raise self._busy(besides=1)  # who is told does not count
                    self._changed.wait(_POLL)
        finally:
            with self._changed:
                self._outside -= 1

    def _busy(self, besides: int = 0) -> BusyError:
        count = self._inside + self._outside - besides
        return BusyError(f"The server is busy with {fmt.counted(count, self.what)}.", _AGAIN)


class Held:
    """Counts the bytes of uploaded files a server holds, bounded for one visitor and for all."""

    def __init__(self, *, visitor: int, server: int) -> None:
        self.visitor, self.server = visitor, server
        self._lock = threading.Lock()
        self._files: dict[str, Counter[str]] = {}

    def take(self, visitor: str, file: str, size: int) -> None:
        """Notes a file that arrives, of so many bytes."""
        with self._lock:
            own = self._files.get(visitor, Counter())
            before = own[file]
            if own.total() - before + size > self.visitor:
                raise BusyError(
                    f"Your files would take more than {fmt.size(self.visitor)} of the server's "
                    "memory.",
                    "Remove some of them, or give them one after the other.",
                )
            if self._total() - before + size > self.server:
                raise self._busy()
            self._files.setdefault(visitor, own)[file] = size

    def leave(self, visitor: str, file: str | None = None) -> None:
        """Notes that a file, or all of a visitor's, has gone; harmless where it had not come."""
        with self._lock:
            own = self._files.get(visitor)
            if own is not None and file is not None:
                own.pop(file, None)
            if file is None or not own:
                self._files.pop(visitor, None)

    def check(self, more: int) -> None:
        """Looks whether the server has room for more bytes, before somebody sends them in vain."""
        with self._lock:
            if self._total() + more > self.server:
                raise self._busy()

    @property
    def bytes(self) -> int:
        """All that is held."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        return sum(own.total() for own in self._files.values())

    def _busy(self) -> BusyError:
        count = sum(len(own) for own in self._files.values())
        return BusyError(
            f"The server is busy with {fmt.counted(count, 'upload')}: {fmt.size(self._total())}.",
            "Try again in a moment; the others' files go when they leave.",
        )


LOOKING = Room("upload", 2, waiting=6, patience=60.0)  # uploads looked at: up to 4 GiB each
CHECKING = Room("model", 4)  # models being checked: one works, the others wait for it
ANSWERING = Room("photo", 60, waiting=20, patience=10.0)  # one at a time: the last waits 15 s
FILES = Held(visitor=640 * MIB, server=1024 * MIB)  # twenty photos and a zip
