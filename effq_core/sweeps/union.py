"""One plan for all runs of a sweep: what several need is there once. Imports no TensorFlow."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from effq_core.base.settings import Home
from effq_core.photos.catalogue import open_dataset
from effq_core.pipeline.forecast import host_pace, seconds_of
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import LAST, Plan, StageSpec, fingerprints
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.rows import StageRow
from effq_core.sweeps.sweep import Sweep

_EVALUATE = "evaluate:"


@dataclass(frozen=True)
class Union:
    """The stages of several runs, each fingerprint once."""

    # All stages, the first run's first; a name taken before has ``@`` and the run's number.
    plan: Plan
    fingerprints: dict[str, str]
    # For each run, names in the plan by the names its own plan has.
    members: tuple[dict[str, str], ...]
    total: int  # stages the runs have when counted one by one

    def reports(self) -> tuple[str, ...]:
        """Returns the name of each run's last stage."""
        return tuple(member[LAST] for member in self.members)

    def evaluations(self) -> list[dict[str, str]]:
        """Returns for each run the fingerprint of the answers of each variant."""
        return [
            {
                own.removeprefix(_EVALUATE): self.fingerprints[name]
                for own, name in member.items()
                if own.startswith(_EVALUATE)
            }
            for member in self.members
        ]


def union(plans: Sequence[Plan]) -> Union:
    """Joins plans."""
    stages: list[StageSpec] = []
    found: dict[tuple[str, str], str] = {}
    named: dict[str, str] = {}
    members = []
    for number, plan in enumerate(plans, 1):
        own: dict[str, str] = {}
        for spec, fingerprint in zip(plan, fingerprints(plan).values(), strict=True):
            key = (spec.kind, fingerprint)
            if key not in found:
                name = spec.name if spec.name not in named else f"{spec.name}@{number}"
                inputs = {known: own[source] for known, source in spec.inputs.items()}
                stages.append(dataclasses.replace(spec, name=name, inputs=inputs))
                found[key], named[name] = name, fingerprint
            own[spec.name] = found[key]
        members.append(own)
    return Union(Plan(stages), named, tuple(members), sum(len(plan) for plan in plans))


def plan_sweep(sweep: Sweep, home: Home) -> Union:
    """Plans all runs of a sweep."""
    dataset = open_dataset(sweep.base.dataset, home)  # a large folder takes a while to list
    return union([build_plan(member.experiment, home, dataset) for member in sweep.members()])


@dataclass(frozen=True)
class SweepForecast:
    """What a sweep would take."""

    runs: int
    total: int
    distinct: int
    cached: int
    seconds: float
    calibrated: bool


def forecast_sweep(sweep: Sweep, home: Home, history: Iterable[StageRow] = ()) -> SweepForecast:
    """Estimates a sweep."""
    joined = plan_sweep(sweep, home)
    store = ArtifactStore(home)
    missing = [s for s in joined.plan if not store.exists(s.kind, joined.fingerprints[s.name])]
    pace = host_pace(history)
    return SweepForecast(
        runs=len(joined.members),
        total=joined.total,
        distinct=len(joined.plan),
        cached=len(joined.plan) - len(missing),
        seconds=seconds_of(missing, pace or 1.0),
        calibrated=pace is not None,
    )
