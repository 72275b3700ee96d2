"""One small finished run that all tests share, because it takes minutes to make."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.pipeline import engine
from effq_core.pipeline.driver import run_foreground
from effq_core.results import Results, load_results
from effq_core.runtimes.litert.session import PLAIN_KERNELS
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.rows import RunRow, Status
from tests.leftovers import end_processes

# Tests are about what is measured, not about waiting until a busy machine is quiet.
os.environ["EFFQ_QUIET_SECONDS"] = "0"

# The first call of TensorFlow takes a moment, and any call may on a busy machine.
settings.register_profile("effq", deadline=None)
settings.load_profile("effq")

TINY = Experiment(
    dataset="photo_patches",
    image_size=64,
    # By name: another variant costs no test minutes, and changes no count.
    variants=("float32", "float16", "dynamic_range", "int8", "int8_qat", "int8_qat_untrained"),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=100,
    evaluation_size=60,
)

SHARED = {"tiny_run", "layered_run"}
"""Fixtures that take minutes to make."""

LAYERED = replace(
    TINY,
    variants=("float32", "int8", "int8_mixed"),
    # As few photos and as little time as can be asked for: not every block gets its turn.
    layers=Layers(images=16, budget_seconds=30),
    mixed=Mixed(keep=("block1a",)),
)
"""The same model and int8 file, with a look into the layers and a mixed file."""


@dataclass(frozen=True)
class TinyRun:
    """A finished run; its store must stay as it is, as other tests read it too."""

    home: Home
    run: RunRow
    results: Results
    experiment: Experiment = TINY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts one file that needs the shared run first, and those that do not after it.

    While one test worker makes the run, the other then has work that does not wait for it.
    """
    needing = set()
    for item in items:
        if SHARED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.shared_run)
            needing.add(item.path)
    first = next((item.path for item in items if item.path in needing), None)
    items.sort(key=lambda item: 0 if item.path == first else 1 + (item.path in needing))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ends the engines, drivers and dashboards of all stores that this session made."""
    yield
    end_processes(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session", autouse=True)
def dashboard_without_keras() -> Iterator[None]:
    """As the dashboard's process is, also where tests of training have loaded Keras into this one.

    Streamlit clears Keras' session after each run of a page, which then searches all of
    TensorFlow's objects for garbage: most of the time such a test took.
    """
    from streamlit.runtime.scriptrunner import script_runner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Gives ``__main__`` back: Streamlit leaves a page there, and new processes would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def xnnpack(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what XNNPACK does, and of programs that use it whatever a run does.

    All others pass on any kernels: with ``EFFQ_PLAIN_KERNELS=1`` the whole suite runs without it.
    """
    monkeypatch.delenv(PLAIN_KERNELS, raising=False)


@pytest.fixture(scope="session")
def tiny_run(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[TinyRun]:
    folder = tmp_path_factory.mktemp("tiny")
    home = Home(folder / "home")
    home.root.mkdir()
    # Artifacts are named by what they depend on, so those of an earlier test session, or of
    # another test worker, are as good as new ones; a fresh clone has none and makes them.
    with _kept(request, "tiny_run") as kept:
        if kept.is_dir():
            shutil.copytree(kept, home.artifacts)
        locks = folder / "tmp"
        locks.mkdir()
        run = _run(home, TINY, "tiny", locks)
        database = Database(home.database)
        free_unused(home, database)  # what older code made would come back as runs in a repair
        database.close()
        _keep(home.artifacts, kept)
    yield TinyRun(home, run, load_results(home, run))


@pytest.fixture(scope="session")
def layered_run(
    tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> TinyRun:
    """A second run in a copy of that store, which has looked into the layers of the same files."""
    folder = tmp_path_factory.mktemp("layered")
    home = Home(folder / "home")
    shutil.copytree(tiny_run.home.root, home.root)
    with _kept(request, "layered_run") as kept:
        if kept.is_dir():
            shutil.copytree(kept, home.artifacts, dirs_exist_ok=True)
        locks = folder / "tmp"
        locks.mkdir()
        run = _run(home, LAYERED, "layered", locks)
        database = Database(home.database)
        free_unused(home, database)
        database.close()
        made = folder / "made"
        for path in home.artifacts.glob("*/" + "?" * 64):
            if not (tiny_run.home.artifacts / path.relative_to(home.artifacts)).exists():
                shutil.copytree(path, made / path.relative_to(home.artifacts))
        _keep(made, kept)
    return TinyRun(home, run, load_results(home, run), LAYERED)


def _run(home: Home, experiment: Experiment, name: str, locks: Path) -> RunRow:
    with pytest.MonkeyPatch.context() as patch:
        # The lock that keeps the cores free for a benchmark is in the temporary folder: an
        # experiment somebody runs on this host must not hold up the tests, nor they it.
        patch.setenv("TMPDIR", str(locks))
        patch.delenv("EFFQ_SCHEDULER", raising=False)
        patch.delenv("EFFQ_ENGINE_PORT", raising=False)
        database = Database(home.database)
        try:
            run_id = database.create_run(experiment, name)
        finally:
            database.close()
        try:
            run = run_foreground(home, run_id)
        finally:
            engine.stop(home)
    assert run.status is Status.FINISHED, f"{run.error} {run.hint}"
    return run


@contextmanager
def _kept(request: pytest.FixtureRequest, name: str) -> Iterator[Path]:
    """The folder of artifacts kept for later, of which one test worker at a time makes use."""
    cache = request.config.cache
    assert cache is not None
    plain = os.environ.get(PLAIN_KERNELS)
    folder = cache.mkdir(f"{name}_plain" if plain else name)
    with FileLock(folder / "lock"):
        yield folder / "artifacts"


def _keep(artifacts: Path, kept: Path) -> None:
    draft = kept.with_name(f"artifacts-{os.getpid()}")
    shutil.copytree(artifacts, draft)
    old = kept.with_name(f"old-{os.getpid()}")
    if kept.is_dir():
        kept.rename(old)
    draft.rename(kept)
    shutil.rmtree(old, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all tests of a process: Playwright does not run twice in one."""
    from playwright.sync_api import sync_playwright

    from tests.browser import app as dashboard

    if dashboard.chromium() is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        running = dashboard.launch(
            playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
        )
        yield running
        running.close()
