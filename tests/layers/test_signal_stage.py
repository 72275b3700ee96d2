"""The stage in a real run: planned, sent to a worker, kept, and read back."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from signal_plan import without_effect  # noqa: E402 - needs the path above

from effq_core.base.settings import Home  # noqa: E402
from effq_core.experiment.mixed import Layers  # noqa: E402
from effq_core.layers.signal_record import SignalRecord  # noqa: E402
from effq_core.pipeline import engine  # noqa: E402
from effq_core.pipeline.driver import run_foreground  # noqa: E402
from effq_core.pipeline.stage import fingerprints  # noqa: E402
from effq_core.store.artifacts import ArtifactStore  # noqa: E402
from effq_core.store.database import Database  # noqa: E402
from effq_core.store.rows import Status  # noqa: E402


def test_a_run_keeps_the_signal_of_its_layers(
    tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(tiny_run.home.artifacts, home.artifacts)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("EFFQ_SCHEDULER", raising=False)
    monkeypatch.delenv("EFFQ_ENGINE_PORT", raising=False)
    experiment = replace(tiny_run.experiment, layers=Layers(images=16))
    database = Database(home.database)
    try:
        run_id = database.create_run(experiment, "signal")
        ended = run_foreground(home, run_id, plan="signal_plan:without_effect")
    finally:
        engine.stop(home)
        database.close()
    assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
    plan = without_effect(experiment, home)
    made = ArtifactStore(home).find("signal", fingerprints(plan)["signal"])
    assert made is not None
    record = SignalRecord.load(made.path)
    assert record.images == 16 and len(record.tensors) == 268
    assert {each.images for each in record.tensors} == {16}
    assert made.summary == {"images": 16, "agreed": record.agreed, "tensors": 268}
    assert sum(file.stat().st_size for file in made.path.iterdir()) < 1_000_000
