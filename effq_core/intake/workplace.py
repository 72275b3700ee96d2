"""Where a model is while it is checked and decided about."""

import secrets

from effq_core.base.files import make_folder, remove_tree, store_errors
from effq_core.base.settings import Home
from effq_core.intake import steps
from effq_core.jobs.held_folder import HeldFolder, sweep
from effq_core.models.own.card import own_folder

CHECKING = ".checking"  # name of the folder of all of them, beside the models


class Workplace(HeldFolder):
    """A temporary folder under the store with ``in/``, ``out/`` and ``scratch/``."""

    def __init__(self, home: Home) -> None:
        checking = make_folder(own_folder(home) / CHECKING, 0o700)
        guard = checking / ".folders"
        sweep(checking, "*", guard)
        parts = (steps.IN, steps.OUT, steps.SCRATCH)
        super().__init__(checking / secrets.token_hex(8), guard, parts=parts)

    def clear(self) -> None:
        """Removes all but ``out/``, such as the upload and the log, or raises StoreError."""
        with store_errors(self.path):
            for path in self.path.iterdir():
                if not path.is_dir():
                    path.unlink()
                elif path.name != steps.OUT:
                    remove_tree(path)
