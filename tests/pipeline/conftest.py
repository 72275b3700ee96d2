"""A store of its own for each test, and the end of every engine it started."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effq_core.base.settings import Home
from effq_core.pipeline import control, engine

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from pipeline_runs import Runs  # noqa: E402 - needs the path above


@contextmanager
def store_in(folder: Path) -> Iterator[Home]:
    """A store that all processes started meanwhile use; its engine is ended."""
    root = folder / "home"
    root.mkdir()
    # The host's locks are in the temporary folder: a measurement of somebody's real run must
    # neither hold up tests nor be held up by them.
    (folder / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFQ_HOME", str(root))
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("EFFQ_ENGINE_IDLE", "60")
        patch.setenv("PYTHONPATH", str(HERE))
        patch.delenv("EFFQ_SCHEDULER", raising=False)
        patch.delenv("EFFQ_ENGINE_PORT", raising=False)
        yield Home(root)
        engine.stop(Home(root))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with store_in(tmp_path) as home:
        yield home


@pytest.fixture
def store(tmp_path: Path) -> Home:
    """Where plans are made for; nothing runs in it."""
    return Home(tmp_path / "store")


@pytest.fixture
def photos(tmp_path: Path) -> Any:
    """Makes a folder of photos, in class folders or, without names, directly in it."""

    def make(*classes: str) -> str:
        root = tmp_path / "photos"
        rng = np.random.default_rng(1)
        for name in classes or ("",):
            (root / name).mkdir(parents=True)
            for i in range(4):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{i}.png")
        return f"folder:{root}"

    return make


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One store and engine for all tests of a module: to start TensorFlow takes seconds."""
    with store_in(tmp_path_factory.mktemp("shared")) as home:
        yield home


@pytest.fixture
def runs(home: Home) -> Iterator[Runs]:
    made = Runs(home)
    yield made
    # First the drivers: one that loses its engine starts another.
    for run in made.database.list_runs():
        if run.status.is_active:
            control.request_cancel(home, run.id)
            made.ended(run.id)
    made.database.close()
