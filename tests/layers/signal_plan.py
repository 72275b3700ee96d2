"""What an experiment asks of its layers, without what takes long."""

from __future__ import annotations

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import Plan


def without_effect(experiment: Experiment, home: Home) -> Plan:
    return Plan(spec for spec in build_plan(experiment, home) if spec.name != "effect")
