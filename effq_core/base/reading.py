"""Reading what a stage has written, where it may be damaged."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from effq_core.base.errors import StageError, StoreError

_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(EOFError, zipfile.BadZipFile, StageError),
)
"""What reading a damaged file raises, whatever it is read with."""


@contextmanager
def reading(what: str, where: Path) -> Iterator[None]:
    """Raises one StoreError for whatever damage makes the block raise; ``what`` begins it."""
    try:
        yield
    except _DAMAGE as error:
        raise StoreError(
            f"{what} in {where} cannot be read ({type(error).__name__}: {error}).",
            "`effq doctor --repair` removes it; then run the experiment again: only what is "
            "missing is made.",
        ) from error
