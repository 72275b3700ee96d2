"""A way to call ``effq``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from effq_core.cli.app import app

Effq = Callable[..., Any]


@pytest.fixture
def effq() -> Effq:
    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    return call
