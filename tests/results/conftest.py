from __future__ import annotations

import pytest

from effq_core.results import Results, load_reference


@pytest.fixture(scope="session")
def reference() -> Results:
    return load_reference()
