"""Where photos are while somebody decides about them."""

import uuid
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.jobs import held_folder
from effq_core.jobs.held_folder import HeldFolder
from effq_core.store.usage import ADDING

PHOTOS = "photos"  # folder of a draft with what was unpacked
GIVEN = "given"  # folder of a draft with what was sent, until it is unpacked


class Draft(HeldFolder):
    """A temporary folder beside the datasets, so that it becomes one by a rename."""

    def __init__(self, home: Home) -> None:
        sweep_drafts(home)
        path = home.datasets / f"{ADDING}{uuid.uuid4().hex[:12]}"
        super().__init__(path, _guard(home), parts=(PHOTOS, GIVEN))

    @property
    def photos(self) -> Path:
        """What was unpacked."""
        return self.path / PHOTOS

    @property
    def given(self) -> Path:
        """What was sent."""
        return self.path / GIVEN


def _guard(home: Home) -> Path:
    return home.datasets / ".adding.lock"


def sweep_drafts(home: Home) -> int:
    """Removes drafts whose makers are dead, and returns how many."""
    return len(held_folder.sweep(home.datasets, f"{ADDING}*", _guard(home)))
