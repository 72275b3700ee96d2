"""A shop of runs, and a way to call ``effq``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from effq_core.base.settings import Home
from effq_core.cli.app import app
from tests.store.shop import Shop, key

Effq = Callable[..., Any]


@pytest.fixture
def effq() -> Effq:
    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    return call


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(Home(tmp_path / "home"))


@pytest.fixture
def pair(shop: Shop) -> tuple[str, str]:
    """Two runs: the pixels are shared, each has a file and an evaluation of its own."""
    pixels = shop.artifact(key("pixels", 1))
    runs = []
    for number in (2, 3):
        file = shop.artifact(key("convert", number))
        answers = shop.artifact(key("evaluate", number), [pixels, file])
        runs.append(shop.run(pixels, file, answers))
    return runs[0], runs[1]
