from __future__ import annotations

from typing import Any

import pytest

from effq_core.base.errors import ExperimentError, InputError
from effq_core.experiment import Experiment
from effq_core.rescue.request import Remedy, Rescue


def test_a_request_comes_back_from_json_as_it_was() -> None:
    asked = Rescue(
        experiment=Experiment(seed=7),
        run="20260101-000000-abcd",
        max_drop_points=0.3,
        remedies=(Remedy.QAT, Remedy.PERCENTILE, Remedy.QAT),
        budget_seconds=600,
    )
    assert asked.remedies == (Remedy.PERCENTILE, Remedy.QAT)
    assert Rescue.from_dict(asked.to_dict()) == asked


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"max_drop_points": -0.1}, "accuracy drop"),
        ({"max_drop_points": "much"}, "accuracy drop"),
        ({"remedies": ()}, "No remedy"),
        ({"remedies": "qat"}, "Give a list"),
        ({"remedies": ("prayer",)}, "not a remedy"),
        ({"budget_seconds": 1}, "time for a rescue"),
        ({"run": "../../etc"}, "not the id of a run"),
        ({"wish": 1}, "Unknown setting"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(values: dict[str, Any], says: str) -> None:
    plain = Rescue(experiment=Experiment()).to_dict() | values
    with pytest.raises(InputError, match=says):
        Rescue.from_dict(plain)


def test_a_request_needs_an_experiment() -> None:
    with pytest.raises(ExperimentError, match="must have an experiment"):
        Rescue.from_dict({"max_drop_points": 1.0})
