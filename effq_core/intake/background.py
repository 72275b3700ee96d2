"""Checks that go on while a page is drawn again and again; imports no TensorFlow."""

import logging
import secrets
import threading
from dataclasses import dataclass, field
from typing import IO

from effq_core.base.errors import Cancelled, EffqError, ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import Checked, Offer, check, discard
from effq_core.intake.steps import Step
from effq_core.jobs.limits import CHECKING

_LOG = logging.getLogger("effq.models")


@dataclass
class Checking:
    """A check under way, or its end. Its thread writes, pages read."""

    steps: tuple[Step, ...] = ()  # so far
    checked: Checked | None = None  # what can be kept, once it has ended well
    error: EffqError | None = None  # why it cannot, once it has ended otherwise
    ended: bool = False  # whether it has
    _stop: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stops it, or throws away what it has made; harmless a second time."""
        self._stop.set()
        if self.checked is not None:
            discard(self.checked)
            self.checked = None

    def _note(self, found: tuple[Step, ...]) -> None:
        self.steps = found or self.steps
        if self._stop.is_set():
            raise Cancelled("The check was stopped.", "")


def start_check(home: Home, file: IO[bytes], offer: Offer) -> Checking:
    """Starts a check of an upload in a thread; raises BusyError if there are enough already."""
    CHECKING.take()
    checking = Checking()
    threading.Thread(
        target=_work, args=(checking, home, file, offer), name="effq-check", daemon=True
    ).start()
    return checking


def _work(checking: Checking, home: Home, file: IO[bytes], offer: Offer) -> None:
    try:
        found = check(home, file, offer, on_steps=checking._note)
        checking.steps, checking.checked = found.steps, found
        if checking._stop.is_set():  # in its very last moment
            checking.cancel()
    except EffqError as error:
        checking.error = error
    except Exception as error:  # noqa: BLE001 - the page must learn that it has ended
        number = secrets.token_hex(4)
        _LOG.exception("Bug %s", number)
        checking.error = ModelError(
            f"The check failed: bug {number} ({type(error).__name__}).", "Report this number."
        )
    finally:
        checking.ended = True
        CHECKING.leave()
