"""A plan of everything, and which of its stages a change reaches."""

from __future__ import annotations

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.variants import CATALOGUE
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import Plan, fingerprints

ALL = Experiment(
    variants=tuple(CATALOGUE),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=40,
    evaluation_size=30,
)


def changed(store: Home, before: Experiment, after: Experiment) -> set[str]:
    """Returns the stages of both plans whose results differ."""
    a, b = (fingerprints(build_plan(experiment, store)) for experiment in (before, after))
    assert a.keys() == b.keys()
    return {name for name in a if a[name] != b[name]}


def descendants(plan: Plan, *roots: str) -> set[str]:
    found = set(roots)
    for spec in plan:
        if found & set(spec.inputs.values()):
            found.add(spec.name)
    return found
