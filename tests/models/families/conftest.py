from __future__ import annotations

from collections.abc import Iterator

import pytest

from effq_core.models.families.family import FAMILIES, MODELS, Family, register
from tests.models.families.toy import TOY


@pytest.fixture
def toy() -> Iterator[Family]:
    """A family that nobody knew before this test, nor does after it."""
    known = dict(MODELS)
    with pytest.MonkeyPatch.context() as patch:  # undone after what the test itself patches
        patch.setattr(FAMILIES, "_rows", dict(FAMILIES._rows))
        register(TOY)
        yield TOY
    MODELS.clear()
    MODELS.update(known)
