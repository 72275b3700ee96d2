"""One small finished run that all tests share, because it takes minutes to make."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.pipeline import engine
from effq_core.pipeline.driver import run_foreground
from effq_core.results import Results, load_results
from effq_core.settings import Home
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.rows import RunRow, Status
from effq_core.variants import STANDARD

TINY = Experiment(
    dataset="photo_patches",
    image_size=64,
    variants=(*STANDARD, "int8_qat_untrained"),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=100,
    evaluation_size=60,
)


@dataclass(frozen=True)
class TinyRun:
    """A finished run; its store must stay as it is, as other tests read it too."""

    home: Home
    run: RunRow
    results: Results
    experiment: Experiment = TINY


@pytest.fixture(scope="session")
def tiny_run(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[TinyRun]:
    folder = tmp_path_factory.mktemp("tiny")
    home = Home(folder / "home")
    home.root.mkdir()
    # Artifacts are named by what they depend on, so those of an earlier test session are as good
    # as new ones; a fresh clone has none and makes them.
    kept = _kept(request)
    if kept.is_dir():
        shutil.copytree(kept, home.artifacts)
    locks = folder / "tmp"
    locks.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        # The lock that keeps the cores free for a benchmark is in the temporary folder: an
        # experiment somebody runs on this host must not hold up the tests, nor they it.
        patch.setenv("TMPDIR", str(locks))
        patch.delenv("EFFQ_SCHEDULER", raising=False)
        patch.delenv("EFFQ_ENGINE_PORT", raising=False)
        database = Database(home.database)
        try:
            run_id = database.create_run(TINY, "tiny")
        finally:
            database.close()
        try:
            run = run_foreground(home, run_id)
        finally:
            engine.stop(home)
    assert run.status is Status.FINISHED, f"{run.error} {run.hint}"
    database = Database(home.database)
    free_unused(home, database)  # what older code made would come back as runs in a repair
    database.close()
    _keep(home.artifacts, kept)
    yield TinyRun(home, run, load_results(home, run))


def _kept(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    return cache.mkdir("tiny_run") / "artifacts"


def _keep(artifacts: Path, kept: Path) -> None:
    draft = kept.with_name(f"artifacts-{os.getpid()}")
    shutil.copytree(artifacts, draft)
    old = kept.with_name(f"old-{os.getpid()}")
    if kept.is_dir():
        kept.rename(old)
    draft.rename(kept)
    shutil.rmtree(old, ignore_errors=True)
