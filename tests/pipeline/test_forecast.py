"""What a run would cost, before it is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.photos.image_input import GREY, ImageInput
from effq_core.photos.sampling import ResolvedSizes
from effq_core.pipeline.forecast import _bytes, forecast, host_pace
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import StageSpec
from effq_core.store.rows import StageRow, StageState


def _stage(seconds: float, weight: float, state: StageState = StageState.DONE) -> StageRow:
    return StageRow(
        run_id="r",
        name="n",
        kind="k",
        fingerprint="f",
        state=state,
        weight=weight,
        started=100.0,
        finished=100.0 + seconds,
    )


def test_a_new_store_has_nothing_cached(tmp_path: Path) -> None:
    experiment = Experiment()
    found = forecast(experiment, Home(tmp_path))
    assert found.cached == 0
    assert found.stages == len(build_plan(experiment, Home(tmp_path)))
    assert found.seconds > 60
    assert not found.calibrated


def test_a_finished_run_costs_nothing_again(tiny_run: Any) -> None:
    found = forecast(tiny_run.experiment, tiny_run.home)
    assert found.cached == found.stages
    assert found.seconds == 0
    assert found.bytes == 0
    nothing = forecast(tiny_run.experiment, Home(tiny_run.home.root / "none"))
    assert found.whole_seconds == nothing.whole_seconds == nothing.seconds


def test_another_calibration_method_reuses_all_but_what_depends_on_it(tiny_run: Any) -> None:
    changed = replace(tiny_run.experiment, calibration=Calibration(size=20, method="min_max"))
    found = forecast(changed, tiny_run.home)
    missing = found.stages - found.cached
    # convert, inspect, evaluate and benchmark of int8, and the report
    assert missing == 5
    assert 0 < found.seconds < forecast(changed, Home(tiny_run.home.root / "none")).seconds


def test_the_estimate_of_disk_is_near_what_the_run_took(tiny_run: Any) -> None:
    guessed = forecast(tiny_run.experiment, Home(tiny_run.home.root / "none")).bytes
    taken = sum(
        path.stat().st_size for path in tiny_run.home.artifacts.rglob("*") if path.is_file()
    )
    assert 0.5 * taken < guessed < 2 * taken


def test_grey_photos_take_a_third_of_the_disk() -> None:
    sizes = ResolvedSizes(calibration=20, training=0, evaluation=60)
    grey, colour = (
        StageSpec(
            name="p",
            stage=get_stage("data:pixels"),
            params={"role": "evaluation", **entry.to_plain()},
        )
        for entry in (ImageInput(32, channels=GREY), ImageInput(32))
    )
    assert _bytes(grey, 0, sizes) * 3 == _bytes(colour, 0, sizes) == 60 * 32 * 32 * 3


def test_a_slow_machine_makes_the_estimate_longer(tmp_path: Path) -> None:
    plain = forecast(Experiment(), Home(tmp_path))
    slow = forecast(Experiment(), Home(tmp_path), [_stage(60, 20)])
    assert slow.calibrated
    assert slow.seconds > 2.5 * plain.seconds


@pytest.mark.parametrize(
    ("stages", "pace"),
    [
        ([], None),
        ([_stage(5, 5)], None),  # too little to go by
        ([_stage(60, 30)], 2.0),
        ([_stage(60, 30), _stage(500, 1, StageState.REUSED)], 2.0),
    ],
)
def test_only_stages_that_were_computed_tell_the_pace(
    stages: list[StageRow], pace: float | None
) -> None:
    assert host_pace(stages) == pace


def test_what_cannot_run_has_no_forecast(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        forecast(Experiment(dataset="folder:/nowhere"), Home(tmp_path))
