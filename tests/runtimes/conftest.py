"""The small files that measuring is tested with."""

import pytest

from effq_core.runtimes.registry import RUNTIMES
from tests.measure.conftest import damage, half_delegated, images, models
from tests.runtimes.toy import Toy

__all__ = ["damage", "half_delegated", "images", "models"]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A runtime that nobody knew before this test, nor does after it."""
    monkeypatch.setattr(RUNTIMES, "_rows", dict(RUNTIMES._rows))
    made = Toy()
    RUNTIMES.register(made)
    return made
