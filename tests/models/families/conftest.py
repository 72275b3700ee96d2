from __future__ import annotations

from collections.abc import Iterator

import pytest

from effq_core.models.families.family import FAMILIES, MODELS, Family, register
from tests.models.families.toy import TOY


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    """A family that nobody knew before this test, nor does after it."""
    known = dict(MODELS)
    monkeypatch.setattr(FAMILIES, "_rows", dict(FAMILIES._rows))
    register(TOY)
    yield TOY
    MODELS.clear()
    MODELS.update(known)
