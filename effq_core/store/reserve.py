"""A little space of a run's own, given back when its disk is full: enough to say so."""

import logging
from pathlib import Path

from effq_core.base.files import make_folder, store_errors

log = logging.getLogger(__name__)
RESERVE = "reserve"  # its file in a run's folder
BYTES = 1 << 20  # what the end of a run writes into the index


class Reserve:
    """Space set aside while a driver works on a run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / RESERVE

    def take(self) -> None:
        """Sets the space aside, or raises StoreError if there is none, or it is not writable."""
        make_folder(self._file.parent)
        with store_errors(self._file):
            # Written, not only asked for: some file systems promise more than they have.
            self._file.write_bytes(bytes(BYTES))

    def give(self) -> None:
        """Gives it back; harmless where that has happened, and told to the log where it cannot."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed (%s).", self._file, error.strerror)
