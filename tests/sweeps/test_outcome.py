"""What a sweep has found so far, read again and again while a page follows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.sweeps import document as module
from effq_core.sweeps.document import outcome
from effq_core.sweeps.state import create_sweep
from effq_core.sweeps.sweep import Sweep


def test_what_never_changes_is_compared_once(
    tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.artifacts.symlink_to(tiny_run.home.artifacts)
    database = Database(home.database)
    asked = replace(tiny_run.experiment, variants=("float32", "int8"))
    state = create_sweep(home, database, Sweep(base=asked, calibration_sizes=(20, 50)), "mine")
    database.close()
    stages = Database(tiny_run.home.database).stages(tiny_run.run.id)
    made = {stage.name: stage.fingerprint for stage in stages}
    state.evaluations = [{name: made[f"evaluate:{name}"] for name in ("float32", "int8")}]
    compared: list[Any] = []
    known = module.compare
    monkeypatch.setattr(module, "compare", lambda *a: compared.append(a) or known(*a))

    first = outcome(home, state)
    assert [len(row.found) for row in first] == [2, 0]
    assert outcome(home, state) == first
    assert len(compared) == 1
    # Another run's answers come as soon as they are there.
    state.evaluations.append({**state.evaluations[0], "int8": made["evaluate:float16"]})
    assert [len(row.found) for row in outcome(home, state)] == [2, 2]
    assert len(compared) == 2
