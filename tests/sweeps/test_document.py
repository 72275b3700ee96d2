"""What a sweep has found, as files to take away."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.sweeps.document import outcome, to_csv, to_json
from effq_core.sweeps.state import create_sweep
from effq_core.sweeps.sweep import Sweep


def test_every_evaluated_variant_is_a_row_with_its_intervals(tiny_run, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.artifacts.symlink_to(tiny_run.home.artifacts)
    database = Database(home.database)
    asked = replace(tiny_run.experiment, variants=("float32", "int8"))
    state = create_sweep(home, database, Sweep(base=asked, calibration_sizes=(20, 50)), "mine")
    stages = Database(tiny_run.home.database).stages(tiny_run.run.id)
    made = {stage.name: stage.fingerprint for stage in stages}
    state.evaluations = [{name: made[f"evaluate:{name}"] for name in ("float32", "int8")}]

    rows = list(csv.DictReader(io.StringIO(to_csv(outcome(home, state)))))
    plain = json.loads(json.dumps(to_json(home, database, state)))
    database.close()

    assert [(row["run"], row["variant"]) for row in rows] == [
        ("20 photos", "float32"),
        ("20 photos", "int8"),
    ]
    float32, int8 = rows
    known = tiny_run.results.variants["int8"]
    assert float(int8["top1"]) == known.accuracy.top1.share
    assert float(int8["top1_low"]) == known.accuracy.top1.low
    assert float(int8["difference_points"]) == known.comparison.difference_points
    assert int(int8["worse"]) == known.comparison.worse
    assert float32["difference_points"] == "" and int8["n"] == "60"
    assert [run["label"] for run in plain["runs"]] == ["20 photos", "50 photos"]
    assert plain["runs"][0]["variants"]["int8"]["comparison"]["p"] == known.comparison.p
    assert plain["runs"][1]["variants"] == {} and plain["findings"] == []
    assert plain["sweep"]["calibration_sizes"] == [20, 50]


def test_a_sweep_without_a_run_yet_is_an_empty_table() -> None:
    assert to_csv(()) == ""
