from __future__ import annotations

import pytest

from effq_core.pipeline.estimate import remaining
from effq_core.store.rows import StageRow, StageState


def row(name: str, state: StageState, weight: float, **values: float) -> StageRow:
    return StageRow(
        run_id="r", name=name, kind="k", fingerprint="f", state=state, weight=weight, **values
    )


def test_nothing_is_known_before_there_is_a_plan() -> None:
    assert remaining([]) is None


def test_at_first_the_estimates_count() -> None:
    stages = [row("a", StageState.REUSED, 50), row("b", StageState.PENDING, 10)]
    assert remaining(stages, now=0) == pytest.approx(10)


def test_a_slow_machine_scales_what_is_to_come() -> None:
    stages = [
        row("a", StageState.DONE, 10, started=100, finished=130),
        row("b", StageState.PENDING, 10),
    ]
    assert 20 < remaining(stages, now=130) < 30


def test_a_running_stage_is_extrapolated_from_its_progress() -> None:
    stages = [row("a", StageState.RUNNING, 1, started=100, done=90, total=100)]
    assert remaining(stages, now=190) == pytest.approx(10, rel=0.2)


def test_a_stage_that_overruns_without_progress_does_not_go_negative() -> None:
    stages = [row("a", StageState.RUNNING, 10, started=100)]
    assert 0 < remaining(stages, now=1000) < 2
    ended = [row("a", StageState.DONE, 1, started=1, finished=2)]
    assert remaining(ended, now=1000) == 0


def test_stages_that_run_together_shorten_the_wait_and_measurements_do_not() -> None:
    def row(name: str, state: StageState, weight: float) -> StageRow:
        kind = name.partition(":")[0]
        return StageRow(
            run_id="r", name=name, kind=kind, fingerprint="f", state=state, weight=weight,
            started=100.0 if state is StageState.RUNNING else None,
        )  # fmt: skip

    running = [row(f"evaluate:{n}", StageState.RUNNING, 10.0) for n in range(3)]
    pending = [row(f"convert:{n}", StageState.PENDING, 10.0) for n in range(3)]
    timed = [row("benchmark:a", StageState.PENDING, 7.0)]
    assert remaining([*running, *pending, *timed], now=100.0) == pytest.approx(60 / 3 + 7)
    assert remaining([running[0], *pending, *timed], now=100.0) == pytest.approx(40 + 7)
