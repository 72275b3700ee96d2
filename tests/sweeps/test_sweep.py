from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.base.errors import ExperimentError
from effq_core.experiment import Experiment, QatLoss
from effq_core.sweeps.sweep import MOST_RUNS, Sweep, label_of, responds, worth_sweeping
from tests.results.run_variations import SHIPPED


def test_a_sweep_expands_to_every_combination_once_and_always_in_the_same_order() -> None:
    sweep = Sweep(
        base=Experiment(),
        calibration_sizes=(200, 50, 200),
        methods=("percentile", "min_max"),  # type: ignore[arg-type]
        seeds=(2, 1),
    )
    members = sweep.members()

    assert [member.label for member in members] == [
        f"{size} photos, {method}, seed {seed}"
        for seed in (1, 2)
        for size in (50, 200)
        for method in ("min-max", "percentile")
    ], "all settings with one seed first: half a sweep has compared everything"
    assert len({member.experiment.fingerprint() for member in members}) == sweep.runs == 8
    assert label_of(sweep) == "2 calibration sizes × 2 calibration methods × 2 seeds"
    assert {member.experiment.common_seed for member in members} == {42}
    same = Sweep(
        base=Experiment(),
        calibration_sizes=(50, 200),
        methods=("min_max", "percentile"),
        seeds=(1, 2),
    )
    assert same == sweep and same.fingerprint() == sweep.fingerprint()


def test_a_sweep_survives_json_and_refuses_what_it_does_not_know() -> None:
    sweep = Sweep(base=Experiment(), epochs=(1, 2), learning_rates=(1e-5,), losses=("distill",))  # type: ignore[arg-type]

    assert Sweep.from_dict(sweep.to_dict()) == sweep
    assert sweep.values["losses"] == (QatLoss.DISTILL,)
    assert sweep.members()[0].experiment.qat.loss is QatLoss.DISTILL
    assert sweep.members()[0].label == "1 epoch", "what does not vary need not be said"
    with pytest.raises(ExperimentError, match="Unknown setting of a sweep: sizes"):
        Sweep.from_dict({**sweep.to_dict(), "sizes": [1]})
    with pytest.raises(ExperimentError, match="with a base experiment"):
        Sweep.from_dict({"epochs": [1, 2]})


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "has one run"),
        ({"calibration_sizes": (50,)}, "has one run"),
        ({"calibration_sizes": range(10, 100), "seeds": range(9)}, r"810 runs \(90 calibration"),
        ({"calibration_sizes": (5, 50)}, "calibration size is 5"),
        ({"learning_rates": (1e-5, 3.0)}, "learning rate is 3"),
        ({"methods": ("median", "min_max")}, "median"),
        ({"seeds": (1, -1)}, "seed is -1"),
        ({"epochs": "12"}, "epochs is '12'"),
    ],
)
def test_what_cannot_be_swept_is_said(axes: dict, message: str) -> None:
    with pytest.raises(ExperimentError, match=message) as caught:
        Sweep(base=Experiment(), **axes)
    assert caught.value.hint or "median" in message


def test_a_choice_nothing_depends_on_is_refused() -> None:
    plain = replace(Experiment(), variants=("float32", "float16"))
    with pytest.raises(ExperimentError, match="No chosen variant depends on the calibration sizes"):
        Sweep(base=plain, calibration_sizes=(50, 100))
    ptq = replace(Experiment(), variants=("int8",))
    with pytest.raises(ExperimentError, match="depends on the numbers of epochs"):
        Sweep(base=ptq, epochs=(1, 2))
    qat = replace(Experiment(), variants=("int8_qat",))
    with pytest.raises(ExperimentError, match="depends on the calibration methods"):
        Sweep(base=qat, methods=("min_max", "percentile"))  # type: ignore[arg-type]


def test_only_variants_that_a_choice_changes_are_worth_a_sweep() -> None:
    base = Experiment(variants=SHIPPED)
    assert worth_sweeping(base, ["calibration_sizes", "seeds"]).variants == ("float32", "int8")
    assert worth_sweeping(base, ["epochs"]).variants == ("float32", "int8_qat")
    both = worth_sweeping(base, ["methods", "epochs"]).variants
    assert both == ("float32", "int8", "int8_qat")
    assert worth_sweeping(base, ["seeds"]).variants == ("float32", "int8", "int8_qat")
    assert not responds("float16", "seeds") and not responds("int8_qat", "methods")


def test_the_bound_is_on_runs_not_on_values() -> None:
    most = Sweep(base=Experiment(), seeds=range(MOST_RUNS))  # type: ignore[arg-type]
    assert most.runs == MOST_RUNS
    with pytest.raises(ExperimentError, match="at most 120 are allowed"):
        Sweep(base=Experiment(), seeds=range(MOST_RUNS + 1))  # type: ignore[arg-type]
