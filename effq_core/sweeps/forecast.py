"""What a sweep would cost before it is started."""

from collections.abc import Iterable
from dataclasses import dataclass

from effq_core.base.settings import Home
from effq_core.pipeline.forecast import host_pace, seconds_of
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.rows import StageRow
from effq_core.sweeps.sweep import Sweep
from effq_core.sweeps.union import plan_sweep


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
    missing = [
        spec for spec in joined.plan if not store.exists(spec.kind, joined.fingerprints[spec.name])
    ]
    pace = host_pace(history)
    return SweepForecast(
        runs=len(joined.members),
        total=joined.total,
        distinct=len(joined.plan),
        cached=len(joined.plan) - len(missing),
        seconds=seconds_of(missing, pace or 1.0),
        calibrated=pace is not None,
    )
