"""Plans of real sweeps: what is shared, and that the float model and the photos are."""

from __future__ import annotations

from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import stage_title
from effq_core.pipeline.stage import fingerprints
from effq_core.sweeps.sweep import Sweep, worth_sweeping
from effq_core.sweeps.union import forecast_sweep, plan_sweep
from tests.results.run_variations import SHIPPED


def a_sweep(**axes: tuple) -> Sweep:
    return Sweep(base=worth_sweeping(Experiment(variants=SHIPPED), axes), **axes)  # type: ignore[arg-type]


def test_runs_share_the_float_model_and_the_photos_they_are_measured_on(tmp_path: Path) -> None:
    joined = plan_sweep(
        a_sweep(calibration_sizes=(50, 200), methods=("min_max", "percentile"), seeds=(1, 2)),
        Home(tmp_path),
    )
    kinds = [spec.kind for spec in joined.plan]

    for once in ("index", "model", "freeze", "keras"):
        assert kinds.count(once) == 1, once
    assert kinds.count("pixels") == 6, "evaluation, the head's, and calibration by size and seed"
    assert kinds.count("calibrate") == 4, "size × seed; the method only reads what was watched"
    assert kinds.count("convert") == kinds.count("evaluate") == 9
    assert kinds.count("report") == kinds.count("benchmark") == 8, "each is a sitting of its own"
    assert joined.total == 8 * 18 and len(joined.plan) == len(set(joined.fingerprints.values()))
    assert fingerprints(joined.plan) == joined.fingerprints, "a name is no part of a fingerprint"
    assert set(joined.reports()) <= set(joined.fingerprints)


def test_the_stages_of_a_run_are_those_of_its_own_plan(tmp_path: Path) -> None:
    sweep, home = a_sweep(calibration_sizes=(50, 200)), Home(tmp_path)
    joined = plan_sweep(sweep, home)

    for member, names in zip(sweep.members(), joined.members, strict=True):
        alone = fingerprints(build_plan(member.experiment, home))
        assert {own: joined.fingerprints[name] for own, name in names.items()} == alone
    assert stage_title("convert:int8@2") == "Convert: int8, run 2"


def test_a_forecast_counts_what_is_shared_once(tmp_path: Path) -> None:
    cost = forecast_sweep(a_sweep(calibration_sizes=(50, 200), seeds=(1, 2, 3)), Home(tmp_path))
    one = forecast_sweep(a_sweep(calibration_sizes=(50, 200)), Home(tmp_path))

    assert (cost.runs, cost.distinct, cost.total, cost.cached) == (6, 63, 108, 0)
    assert one.seconds < cost.seconds < 3 * one.seconds
