"""Stories made of given numbers, for words and charts."""

from __future__ import annotations

from dataclasses import replace

from effq_core.experiment import Calibration, Experiment
from effq_core.rescue.outcome import Outcome
from effq_core.rescue.request import Remedy, Rescue
from effq_core.rescue.story import Step, StepState, Story
from effq_core.store.rows import Status

EXPERIMENT = Experiment(calibration=Calibration(size=500, method="min_max"))


def outcome(drop: float, *, half: float = 0.6, variant: str = "int8", **values: object) -> Outcome:
    """A loss of so many points with an interval of twice ``half``, on 2,000 photos."""
    made = Outcome(
        variant=variant,
        n=2000,
        top1=0.88 - drop / 100,
        low=0.86 - drop / 100,
        high=0.90 - drop / 100,
        float32_top1=0.88,
        drop_points=drop,
        drop_low=drop - half,
        drop_high=drop + half,
        p=0.04,
        worse=40,
        better=10,
        agreement=0.97,
        kl=0.01,
        size_bytes=8_000_000,
        latency_ms={"1": 5.0, "2": 3.0},
    )
    return replace(made, **values)  # type: ignore[arg-type]


def unlabelled(disagreement: float) -> Outcome:
    none = dict.fromkeys(("top1", "low", "high", "float32_top1", "p", "worse", "better"))
    return replace(outcome(disagreement), **none)  # type: ignore[arg-type]


def step(remedy: Remedy | None, found: Outcome | None, state: StepState, **values: object) -> Step:
    chosen = EXPERIMENT
    if remedy is Remedy.PERCENTILE:
        chosen = replace(chosen, calibration=Calibration(size=500))
    made = Step(
        remedy=remedy,
        state=state,
        experiment=chosen,
        run="20260101-000000-abcd",
        outcome=found,
        seconds=41.0 if found else None,
        stages=31,
        cached=27,
    )
    return replace(made, **values)  # type: ignore[arg-type]


def story(*steps: Step, limit: float = 0.3, status: Status = Status.FINISHED) -> Story:
    return Story(
        id="20260101-000000-abcd",
        rescue=Rescue(experiment=EXPERIMENT, max_drop_points=limit),
        created=1_760_000_000.0,
        subject="min-max",
        status=status,
        steps=steps,
    )


BAD = step(None, outcome(1.5), StepState.TRIED)
CLIPPED = step(Remedy.PERCENTILE, outcome(0.1), StepState.MET)
