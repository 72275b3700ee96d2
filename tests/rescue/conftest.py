"""A store in which int8 is spoilt by clipping a tenth of all values: percentile 90."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.pipeline import engine
from effq_core.pipeline.driver import run_foreground
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, Status


@dataclass(frozen=True)
class Spoilt:
    """A store with one finished run whose int8 lost much; what tests add to it stays."""

    home: Home
    run: RunRow
    experiment: Experiment


@pytest.fixture(scope="session")
def spoilt(tiny_run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoilt]:
    folder = tmp_path_factory.mktemp("spoilt")
    home = Home(folder / "home")
    home.root.mkdir()
    # Links suffice: artifacts never change, and new ones come beside them.
    shutil.copytree(tiny_run.home.artifacts, home.artifacts, copy_function=_link)
    (folder / "tmp").mkdir()
    experiment = replace(
        tiny_run.experiment,
        variants=("float32", "int8"),
        calibration=Calibration(size=20, percentile=90.0),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFQ_HOME", str(home.root))
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setattr(tempfile, "tempdir", None)
        for name in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT", "COLUMNS"):
            patch.delenv(name, raising=False)
        database = Database(home.database)
        run_id = database.create_run(experiment, "spoilt")
        database.close()
        run = run_foreground(home, run_id)
        assert run.status is Status.FINISHED, f"{run.error} {run.hint}"
        yield Spoilt(home, run, experiment)
        engine.stop(home)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
